import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { ago } from '../../core/visible.ts'
import { bad, type Check, NO_MESH, ok, warn } from './check.ts'

/** Has anything gone wrong lately, and can it be written down? */
export const log: Check = ({ layout, has }) => {
  if (!has.dataDir) return ok(NO_MESH)
  if (!existsSync(layout.log)) return ok('nothing has been logged')
  try {
    accessSync(layout.log, constants.R_OK | constants.W_OK)
  } catch {
    return bad(`${layout.log} cannot be written`, `chmod 600 '${layout.log}'`)
  }
  const text = [`${layout.log}.1`, layout.log].filter(existsSync).map((path) => readFileSync(path, 'utf8'))
  const errors = errorsSince(text.join('\n'), Date.now() - DAY_MS)
  const last = errors.at(-1)
  if (!last) return ok('no errors in the last 24 h')
  const count = errors.length === 1 ? '1 error' : `${errors.length} errors`
  return warn(
    `${count} in the last 24 h; the last one ${ago(last.time, Date.now())}: ${last.event}`,
    'slm-mesh logs --level error',
  )
}

const DAY_MS = 86_400_000

/** Lines of level error that are not older than `since`. What is no line of ours is passed over. Pure. */
export function errorsSince(text: string, since: number): { time: string; event: string }[] {
  return text.split('\n').flatMap((line) => {
    if (!line.includes('"level":"error"')) return []
    try {
      const { time, event, level } = JSON.parse(line)
      return level === 'error' && Date.parse(time) >= since ? [{ time: String(time), event: String(event) }] : []
    } catch {
      return []
    }
  })
}
