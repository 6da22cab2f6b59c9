import { statfsSync } from 'node:fs'
import { bytes } from '../sizes.ts'
import { bad, type Check, ok, warn } from './check.ts'
import { existing } from './file-system.ts'

const MIB = 1024 * 1024

export const diskSpace: Check = ({ layout }) => {
  const { bavail, bsize } = statfsSync(existing(layout.dataDir))
  return judgeSpace(bavail * bsize)
}

/** Pure. A mesh needs little; but with a full disk nothing can be sent, and nothing pruned. */
export function judgeSpace(freeBytes: number) {
  const found = `${bytes(freeBytes)} left`
  if (freeBytes < 16 * MIB) return bad(found, 'free some space on that disk; nothing else needs to be done')
  if (freeBytes < 256 * MIB) return warn(found, 'free some space on that disk before it is full')
  return ok(found)
}
