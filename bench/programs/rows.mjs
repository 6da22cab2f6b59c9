// A message as the mesh stores it: its rows in a mesh's own file, by the statements that write and read them, at turns
// taken as the mesh takes them, and nothing of what leads there.
import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Native from 'better-sqlite3'
import { monotonicMs } from '../../src/core/clock.ts'
import { IN_MAILBOX } from '../../src/core/message.ts'
import { WriteTurns } from '../../src/core/sqlite/write-turn.ts'

/** `store` takes messages for mailboxes by name, and commits them together; `unread` and `see` are for their receiver. */
export function openRows(file) {
  const database = new Native(file, { timeout: 0 })
  for (const setting of ['synchronous = NORMAL', 'foreign_keys = ON', 'temp_store = MEMORY', 'wal_autocheckpoint = 2500'])
    database.pragma(setting)
  const [begin, savepoint, release, commit] = ['BEGIN IMMEDIATE', 'SAVEPOINT one', 'RELEASE one', 'COMMIT'].map((text) =>
    database.prepare(text),
  )
  const find = database.prepare('SELECT * FROM peers WHERE name = ?')
  const message = database.prepare(`INSERT INTO messages (id, thread, sender_id, sender_name, sender_agent, recipient_id,
    recipient_name, type, priority, payload, created_at) VALUES (@id, @id, 'me', 'me', 'bench', @to, @name, 'text', 'normal', @body, @now)`)
  const event = database.prepare(`INSERT INTO events (id, type, payload, emitted_by, emitted_by_name, created_at)
    VALUES (?, 'message_received', ?, 'me', 'me', ?)`)
  const subscribers = database.prepare("SELECT * FROM subscriptions WHERE type IN ('message_received', '*')")
  let n = 0
  const newId = (kind, now) =>
    `${kind}_${now.toString(36)}${(n++).toString(36).padStart(5, '0')}${randomBytes(4).toString('hex')}`

  function one({ to, body }) {
    const peer = find.get(to)
    const now = Date.now()
    const id = newId('m', now)
    message.run({ id, to: peer.id, name: peer.name, body, now })
    event.run(newId('e', now), JSON.stringify({ messageId: id, from: 'me', to: peer.id }), now)
    subscribers.all()
  }

  const turns = new WriteTurns(file)

  async function write(changes, change) {
    const since = monotonicMs()
    while (!turns.take({ run: () => begin.run() }, since))
      await new Promise((resolve) => setTimeout(resolve, turns.pauseMs(since)))
    for (const what of changes) {
      if (changes.length > 1) savepoint.run()
      change(what)
      if (changes.length > 1) release.run()
    }
    commit.run()
  }

  const unread = database.prepare(`SELECT id, seq, payload FROM messages INDEXED BY messages_unread WHERE ${IN_MAILBOX}
    AND seen_at IS NULL AND expired_at IS NULL ORDER BY seq LIMIT 100`)
  const see = database.prepare('UPDATE messages SET seen_at = ? WHERE id = ?')

  const leader = database.prepare('SELECT * FROM leader WHERE id = 1')
  const beat = database.prepare('UPDATE peers SET heartbeat_at = ? WHERE name = ?')
  const stat = (path) => statSync(path, { throwIfNoEntry: false })

  /** What a session looks at once a second: a leader that hangs, a file or a socket that is gone, a parent that has ended. */
  function watch(name, socket) {
    const [guard, parts] = [join(dirname(file), 'leader.1.lock'), ['', '-wal', '-shm']]
    let round = 0
    return () => {
      const seen = [leader.get(), stat(guard), parts.map((part) => stat(file + part)?.ino), stat(socket), process.ppid]
      database.pragma('data_version')
      if (++round % 15 === 0) write([name], () => beat.run(Date.now(), name))
      return seen
    }
  }

  return {
    watch,
    store: (letters) => write(letters, one),
    unread(name) {
      const { id } = find.get(name)
      return unread.all(id, id)
    },
    see: (messages) => write(messages, ({ id }) => see.run(Date.now(), id)),
  }
}
