import { basename } from 'node:path'
import { asides } from '../../core/sqlite/aside.ts'
import { bytes } from '../sizes.ts'
import { type Check, ok, warn } from './check.ts'

/** Do damaged databases lie here that were moved aside? */
export const damaged: Check = ({ layout }) => {
  const found = asides(layout.database)
  const [last] = found.slice(-1)
  if (!last) return ok('none lies here')
  const size = bytes(found.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
  const when = new Date(last.at).toISOString().slice(0, 16).replace('T', ' ')
  const many = found.length === 1 ? '' : `${found.length} lie here, the newest `
  return warn(
    `${many}${basename(last.path)} (${size}${found.length === 1 ? '' : ' in all'}), moved aside at ${when} UTC: a new database took its place`,
    'look after the disk; slm-mesh events --type database_recovered says what was brought over, and .recover of the sqlite3 shell may find more; slm-mesh clean --damaged 7 removes what is older than 7 days',
  )
}
