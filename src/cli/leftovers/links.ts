import { lstatSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { sight } from '../../peer/process-identity.ts'
import { LINK_FILE } from '../commands/ui/link-file.ts'
import type { Ground, Leftover } from './leftover.ts'

/** A link to the dashboard is gone after half a minute, or its process was killed. */
const OLD_MS = 60_000

/** Files that were to lead a browser to the dashboard, of commands that died meanwhile. */
export function findLinks({ layout }: Pick<Ground, 'layout'>): Leftover[] {
  return readdirSync(layout.dataDir).flatMap((name) => {
    const pid = Number(LINK_FILE.exec(name)?.[1] ?? 0)
    const path = join(layout.dataDir, name)
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (pid === 0 || !found?.isFile()) return []
    const maker = sight(pid)
    if (maker && !maker.ended && Date.now() - found.mtimeMs < OLD_MS) return []
    return [
      {
        kind: 'temporary' as const,
        what: `link to the dashboard ${name} of process ${pid}`,
        facts: { path, pid },
        async clear() {
          if (!lstatSync(path, { throwIfNoEntry: false })?.isFile()) return false
          rmSync(path, { force: true })
          return true
        },
      },
    ]
  })
}
