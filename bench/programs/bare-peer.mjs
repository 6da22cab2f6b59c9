// What a mesh cannot do without, and no more: an MCP server on the SDK's low-level one that stores a message in a shared
// SQLite file, rings its receiver's socket, and answers a waiting call with what it then reads. It checks nothing, knows
// nobody, keeps no order of waiting writers but SQLite's, and never finds out who has died. Arguments: the folder, its own
// number, and perhaps a mesh's file, into which `store` writes a message as the mesh does, and of which `waitStored` answers.
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import Native from 'better-sqlite3'
import { openRows } from './rows.mjs'

const [folder, me, mesh] = [process.argv[2], Number(process.argv[3]), process.argv[4]]
const rows = mesh && openRows(mesh)
const database = new Native(join(folder, 'bare.db'), { timeout: 5_000 })
database.pragma('journal_mode = WAL')
database.pragma('synchronous = NORMAL')
database.exec(`
  CREATE TABLE IF NOT EXISTS mail (seq INTEGER PRIMARY KEY, recipient INTEGER NOT NULL, body TEXT NOT NULL, seen INTEGER);
  CREATE INDEX IF NOT EXISTS mail_unseen ON mail (recipient, seq) WHERE seen IS NULL;
`)
const insert = database.prepare('INSERT INTO mail (recipient, body) VALUES (?, ?)')
const unseen = database.prepare('SELECT seq, body FROM mail WHERE recipient = ? AND seen IS NULL ORDER BY seq LIMIT 100')
const see = database.prepare('UPDATE mail SET seen = 1 WHERE seq = ?')
const begin = database.prepare('BEGIN IMMEDIATE')
const commit = database.prepare('COMMIT')
function write(work) {
  begin.run()
  work()
  commit.run()
}

const links = new Map()
const socketOf = (peer) => join(folder, `${peer}.sock`)
function ring(peer) {
  let link = links.get(peer)
  if (!link) {
    link = createConnection(socketOf(peer))
    links.set(peer, link)
  }
  link.write('{"k":"ring"}\n')
}

const bareMail = {
  unread: () => unseen.all(me),
  see: (messages) =>
    write(() => {
      for (const { seq } of messages) see.run(seq)
    }),
}
const storedMail = { unread: () => rows.unread(`p${me}`), see: (messages) => rows.see(messages) }

let waiting
let marked
function look() {
  if (!waiting) return
  const { answer, mail } = waiting
  const messages = mail.unread()
  if (messages.length === 0) return
  waiting = undefined
  answer(answered({ messages }))
  marked = mail.see(messages)
}
/** What was answered before is marked first, or it would be answered again. */
async function waitFor(mail) {
  await marked
  return new Promise((answer) => {
    waiting = { answer, mail }
    look()
  })
}
const answered = (content) => ({ content: [{ type: 'text', text: JSON.stringify(content) }], structuredContent: content })

const tools = {
  nothing: () => answered({ ok: true }),
  send({ to, body }) {
    write(() => {
      for (const peer of to) insert.run(peer, body)
    })
    for (const peer of to) ring(peer)
    return answered({ ok: true })
  },
  async store({ to, body }) {
    await rows.store(to.map((peer) => ({ to: `p${peer}`, body })))
    for (const peer of to) ring(peer)
    return answered({ ok: true })
  },
  wait: () => waitFor(bareMail),
  waitStored: () => waitFor(storedMail),
}

createServer((socket) => socket.on('data', look)).listen(socketOf(me), () => {
  const server = new Server({ name: 'bare', version: '1' }, { capabilities: { tools: {} } })
  const list = Object.keys(tools).map((name) => ({ name, description: name, inputSchema: { type: 'object' } }))
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: list }))
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => tools[params.name](params.arguments ?? {}))
  process.stdin.once('end', () => process.exit(0))
  server.connect(new StdioServerTransport())
})
// A heartbeat, as cheap as one can be; with a mesh's file, one that looks at what a session has to look at.
setInterval(mesh ? rows.watch(`p${me}`, socketOf(me)) : () => database.pragma('data_version'), 1_000)
