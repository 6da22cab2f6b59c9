import { rmSync } from 'node:fs'
import { basename } from 'node:path'
import { asides, SUFFIXES } from '../../core/sqlite/aside.ts'
import type { Ground, Leftover } from './leftover.ts'

const DAY_MS = 86_400_000

/** Damaged databases that were moved aside longer ago. Nobody opens them; they are removed only where that is asked for. */
export const findDamaged =
  (days: number) =>
  ({ layout }: Pick<Ground, 'layout'>): Leftover[] =>
    asides(layout.database)
      .filter(({ at }) => Date.now() - at >= days * DAY_MS)
      .map(({ path, sizeBytes }) => ({
        kind: 'damaged' as const,
        what: `damaged database ${basename(path)}`,
        facts: { path, sizeBytes },
        async clear() {
          for (const suffix of SUFFIXES) rmSync(path + suffix, { force: true })
          return true
        },
      }))
