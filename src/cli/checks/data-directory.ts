import { accessSync, constants, lstatSync } from 'node:fs'
import { whyUnsafe } from '../../core/paths.ts'
import { bad, type Check, NO_MESH, ok, warn } from './check.ts'

/** Is it a directory of our own, that only we can enter? This wall keeps the other users of the machine out (G8). */
export const dataDirectory: Check = ({ config, layout, platform }) => {
  // As it was named: a link is refused, wherever it leads.
  const path = config.dataDir
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat) return ok(`${path} does not exist; ${NO_MESH}`)
  const why = whyUnsafe(stat, process.getuid?.(), platform)
  if (why) return bad(`${path} is refused: ${why}`, 'make it a plain directory of your own that only you can write to')
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch {
    return bad(`${path} cannot be written`, `chmod 700 '${path}'`)
  }
  const mode = stat.mode & 0o777
  if (platform !== 'win32' && (mode & 0o077) !== 0)
    return warn(`${path} can be read by others (mode ${mode.toString(8)})`, `chmod 700 '${path}'`)
  return ok(`${layout.dataDir}${platform === 'win32' ? '' : `, mode ${mode.toString(8)}, yours`}`)
}
