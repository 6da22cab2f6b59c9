// The least that a sender can be: it stores messages in a shared SQLite file, so many in one transaction, and rings the socket
// of each receiver, who looks at nothing. SQLite itself waits for its turn. Usage: bare-sender.mjs <folder> <number> <senders>
// <ms> <in one transaction>
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import Native from 'better-sqlite3'

const [folder, ...numbers] = process.argv.slice(2)
const [me, count, ms, together] = numbers.map(Number)
const database = new Native(join(folder, 'bare.db'), { timeout: 10_000 })
database.pragma('journal_mode = WAL')
database.pragma('synchronous = NORMAL')
database.exec('CREATE TABLE IF NOT EXISTS mail (seq INTEGER PRIMARY KEY, recipient INTEGER NOT NULL, body TEXT NOT NULL)')
database.exec('CREATE INDEX IF NOT EXISTS mail_of ON mail (recipient, seq)')
const insert = database.prepare('INSERT INTO mail (recipient, body) VALUES (?, ?)')
const store = database.transaction((letters) => {
  for (const { to, body } of letters) insert.run(to, body)
})

const socketOf = (peer) => join(folder, `${peer}.sock`)
const server = createServer((socket) => socket.resume()).listen(socketOf(me))
await new Promise((resolve) => server.once('listening', resolve))
console.log('ready')
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
await lines.next()

const links = Array.from({ length: count }, (_, peer) => createConnection(socketOf(peer)))
let sent = 0
for (const endsAt = performance.now() + ms; performance.now() < endsAt; ) {
  const letters = Array.from({ length: together }, () => ({ to: (me + 1 + (sent++ % (count - 1))) % count, body: String(sent) }))
  store.immediate(letters)
  for (const { to } of letters) links[to].write('{"k":"ring"}\n')
  await new Promise((resolve) => setImmediate(resolve))
}
console.log(JSON.stringify({ sent }))
await lines.next()
process.exit(0)
