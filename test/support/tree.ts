import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** Everything below a directory: what it is, its mode, and its content to the byte. */
export function treeOf(dir: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(dir, name)
    const stat = lstatSync(path)
    const what = stat.isSymbolicLink()
      ? `link to ${readlinkSync(path)}`
      : stat.isFile()
        ? readFileSync(path).toString('latin1')
        : 'directory'
    found[name] = `${(stat.mode & 0o7777).toString(8)} ${what}`
  }
  return found
}
