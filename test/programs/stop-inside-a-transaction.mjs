// Takes the database's write lock and is stopped with it, as by Ctrl-Z in the wrong moment. When it goes on, it ends.
// Usage: node stop-inside-a-transaction.mjs <database>
import Native from 'better-sqlite3'

const database = new Native(process.argv[2])
database.exec('BEGIN IMMEDIATE')
process.kill(process.pid, 'SIGSTOP')
database.exec('ROLLBACK')
