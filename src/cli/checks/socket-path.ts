import { socketPlace, socketSite } from '../../core/paths.ts'
import { bad, type Check, type Found, ok } from './check.ts'

/** Where does a new socket go? Platforms limit a socket's path to some hundred bytes. */
export const socketPath: Check = ({ layout }) => judgeSocketPath(layout.dataDir, layout.sockets, socketSite())

/** Pure. */
export function judgeSocketPath(dataDir: string, own: string, on: Parameters<typeof socketPlace>[2]): Found {
  try {
    const { path, dir } = socketPlace(dataDir, '00000000', on)
    if (dir === null) return ok('named pipes')
    const length = `${Buffer.byteLength(path)} bytes`
    return dir === own
      ? ok(`in ${dir} (${length})`)
      : ok(`the data directory's path is too long for a socket, so they are in ${dir} (${length})`)
  } catch {
    return bad('no socket path fits the limit of this platform', 'set SLM_MESH_DATA_DIR to a shorter path, or TMPDIR to one')
  }
}
