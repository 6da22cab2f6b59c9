// The least that a sender can be: it stores messages in a shared SQLite file, so many in one transaction, and rings the socket
// of each receiver, who looks at nothing. SQLite itself waits for its turn. With a mesh's file, it stores them there, as the mesh
// does. Usage: bare-sender <folder> <number> <senders> <flat|pace> <ms> <in one transaction> [<mesh.db>]
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import Native from 'better-sqlite3'
import { agentsPause, WARM_UP } from './pace.mjs'
import { openRows } from './rows.mjs'

const [folder, number, senders, how, millis, inOne, mesh] = process.argv.slice(2)
const [me, count, ms, together] = [number, senders, millis, inOne].map(Number)

function leastStore(file) {
  const database = new Native(file, { timeout: 10_000 })
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = NORMAL')
  database.exec('CREATE TABLE IF NOT EXISTS mail (seq INTEGER PRIMARY KEY, recipient INTEGER NOT NULL, body TEXT NOT NULL)')
  database.exec('CREATE INDEX IF NOT EXISTS mail_of ON mail (recipient, seq)')
  const insert = database.prepare('INSERT INTO mail (recipient, body) VALUES (?, ?)')
  return database.transaction((letters) => {
    for (const { to, body } of letters) insert.run(to, body)
  }).immediate
}

async function main() {
  const store = mesh === undefined ? leastStore(join(folder, 'bare.db')) : openRows(mesh).store
  const socketOf = (peer) => join(folder, `${peer}.sock`)
  const server = createServer((socket) => socket.resume()).listen(socketOf(me))
  await new Promise((resolve) => server.once('listening', resolve))
  console.log('ready')
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  await lines.next()

  const links = Array.from({ length: count }, (_, peer) => createConnection(socketOf(peer)))
  let sent = 0
  const times = []
  for (const endsAt = performance.now() + ms; performance.now() < endsAt; ) {
    const others = Array.from({ length: together }, () => (me + 1 + (sent++ % (count - 1 || 1))) % count)
    const startedAt = performance.now()
    await store(others.map((to) => ({ to: mesh === undefined ? to : `p${to}`, body: String(sent) })))
    if (sent > WARM_UP) times.push(performance.now() - startedAt)
    for (const to of others) links[to].write('{"k":"ring"}\n')
    await (how === 'flat' ? new Promise((resolve) => setImmediate(resolve)) : sleep(agentsPause()))
  }
  console.log(JSON.stringify({ sent, times }))
  await lines.next()
  process.exit(0)
}

main()
