import { accessSync, constants, lstatSync } from 'node:fs'
import { basename } from 'node:path'
import { indexOf, walOf } from '../../core/paths.ts'
import { bad, type Check, type Found, NO_MESH, ok, warn } from './check.ts'

/** Are the files in the data directory plain files of ours, with one name each, that nobody else can read? */
export const files: Check = ({ layout, has, platform }) => {
  if (!has.dataDir) return ok(NO_MESH)
  const paths = [layout.database, walOf(layout.database), indexOf(layout.database), layout.token, layout.port, layout.log]
  const found = paths.flatMap((path) => whyBad(path, path === layout.database, platform) ?? [])
  return found.length > 0 ? found : ok('plain files of yours, closed to others')
}

function whyBad(path: string, isDatabase: boolean, platform: NodeJS.Platform): Found | undefined {
  const name = basename(path)
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat) return undefined
  if (stat.isSymbolicLink()) return bad(`${name} is a symbolic link`, `rm '${path}' removes the link; what it leads to stays`)
  if (!stat.isFile()) return bad(`${name} is no regular file`, `move '${path}' away`)
  if (isDatabase && stat.nlink > 1)
    return bad(
      `${name} has a second name (a hard link): two meshes could write it unprotected`,
      `find the other name with: find / -xdev -inum ${stat.ino}; and remove it`,
    )
  if (platform === 'win32') return undefined
  const uid = process.getuid?.()
  if (uid !== undefined && stat.uid !== uid) return bad(`${name} belongs to user ${stat.uid}`, `chown ${uid} '${path}'`)
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
  } catch {
    return bad(`${name} cannot be written (mode ${(stat.mode & 0o777).toString(8)})`, `chmod 600 '${path}'`)
  }
  const mode = stat.mode & 0o777
  return (mode & 0o077) === 0 ? undefined : warn(`${name} is open to others (mode ${mode.toString(8)})`, `chmod 600 '${path}'`)
}
