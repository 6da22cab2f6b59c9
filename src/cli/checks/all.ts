import { agents } from './agents.ts'
import type { Check } from './check.ts'
import { damaged } from './damaged.ts'
import { dataDirectory } from './data-directory.ts'
import { database } from './database.ts'
import { diskSpace } from './disk-space.ts'
import { fileSystem } from './file-system.ts'
import { files } from './files.ts'
import { leader } from './leader.ts'
import { leftovers } from './leftovers.ts'
import { log } from './log.ts'
import { nativeModule } from './native-module.ts'
import { nats } from './nats.ts'
import { nodeVersion } from './node.ts'
import { peers } from './peers.ts'
import { port } from './port.ts'
import { socketPath } from './socket-path.ts'
import { writeLock } from './write-lock.ts'

/** From the ground up: what stands further down leans on what stands above it. */
export const allChecks: Readonly<Record<string, Check>> = {
  node: nodeVersion,
  sqlite: nativeModule,
  directory: dataDirectory,
  files,
  disk: diskSpace,
  'file system': fileSystem,
  database,
  damaged,
  'write lock': writeLock,
  sockets: socketPath,
  port,
  leader,
  nats,
  peers,
  leftovers,
  log,
  agent: agents,
}
