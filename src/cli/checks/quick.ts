import type { Check } from './check.ts'
import { dataDirectory } from './data-directory.ts'
import { diskSpace } from './disk-space.ts'
import { fileSystem } from './file-system.ts'
import { files } from './files.ts'
import { port } from './port.ts'
import { socketPath } from './socket-path.ts'
import { writeLock } from './write-lock.ts'

/** Those that take no time where nothing is wrong, and little where something is: what `status` shows of them. */
export const quickChecks: Readonly<Record<string, Check>> = {
  directory: dataDirectory,
  files,
  disk: diskSpace,
  'file system': fileSystem,
  'write lock': writeLock,
  sockets: socketPath,
  port,
}
