import { lstatSync, readdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { processOf } from '../../core/identity.ts'
import { isGone, isStill, sight } from '../../peer/process-identity.ts'
import type { Ground, Leftover } from './leftover.ts'

/** Half-written token and port files of a leader that died while it wrote them. Their names tell its pid. */
export function findTemporaries({ layout, rows }: Ground): Leftover[] {
  const names = [layout.token, layout.port].map((path) => basename(path).replaceAll('.', '\\.'))
  const pattern = new RegExp(`^(?:${names.join('|')})\\.(\\d{1,10})\\.[0-9a-f]{8}\\.tmp$`)
  /** A living leader has its row; where its pid runs and no row tells of it, the pid is another program's by now. */
  const mayLive = (pid: number) =>
    rows.peers.some((row) => row.pid === pid && (row.live === 1 ? !isGone(processOf(row)) : isStill(processOf(row))))
  return readdirSync(layout.dataDir).flatMap((name) => {
    const pid = Number(pattern.exec(name)?.[1] ?? 0)
    const path = join(layout.dataDir, name)
    if (pid === 0 || mayLive(pid) || !lstatSync(path, { throwIfNoEntry: false })?.isFile()) return []
    const seen = sight(pid)
    if (seen && !seen.ended && !rows.peers.some((row) => row.pid === pid)) return [] // not known for sure
    return [
      {
        kind: 'temporary' as const,
        what: `half-written file ${name} of process ${pid}, which is gone`,
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
