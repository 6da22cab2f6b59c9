// Checkpoints a database again and again, in every way but the one that truncates, until it is killed.
// Usage: checkpoint-forever.mjs <database>. It prints `ready` before its first.
import { writeSync } from 'node:fs'
import Native from 'better-sqlite3'

const database = new Native(process.argv[2], { timeout: 0 })
writeSync(1, 'ready\n')
for (;;)
  for (const mode of ['PASSIVE', 'RESTART', 'FULL'])
    try {
      database.pragma(`wal_checkpoint(${mode})`)
    } catch (error) {
      if (!error.code?.startsWith('SQLITE_BUSY')) throw error
    }
