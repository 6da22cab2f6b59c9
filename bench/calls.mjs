// What a tool call takes, as its client sees it, beside a tool that does nothing; and how long a message takes until the
// receiver's client has it. Blocks of each are interleaved.
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import Native from 'better-sqlite3'
import { main, median, quantile, row, runsOr } from './figures.mjs'
import { Session } from './mcp.mjs'
import { delivery, emptyServer, home, meshFile, untilAnswered, withBarePeers, withSessions } from './world.mjs'

const BLOCKS = runsOr(30, 6)
const BLOCK = 50

export async function calls() {
  const withBoth = (...pair) => withSessions(3, {}, (...all) => measure(pair, all))
  return withBarePeers(2, withBoth, await meshFile(2))
}

async function measure([bareA, bareB], [a, b, away]) {
  const floor = new Session([await emptyServer()], process.env)
  await floor.initialize()
  const bare = await bareFloors()
  const send = { to: b.name, message: 'is the schema still as it was this morning?' }
  let n = 0
  const subjects = {
    nothing: () => floor.time('nothing'),
    socket: bare.socket,
    commit: bare.commit,
    send: () => a.time('mesh_send', send),
    'bare send': () => bareA.time('send', { to: [1], body: send.message }),
    'bare rows': () => bareA.time('store', { to: [1], body: send.message }),
    inbox: () => b.time('mesh_inbox', { limit: 100 }),
    'empty inbox': () => away.time('mesh_inbox'),
    'state set': () => a.time('mesh_state', { action: 'set', key: 'k', value: `${n++}` }),
    'state get': () => b.time('mesh_state', { action: 'get', key: 'k' }),
    lock: () => a.time('mesh_lock', { action: 'lock', filePath: '/tmp/bench.ts' }),
    unlock: () => a.time('mesh_lock', { action: 'unlock', filePath: '/tmp/bench.ts' }),
    peers: () => a.time('mesh_peers'),
    delivery: () => delivery(a, b),
    'bare delivery': () => bareDelivery(bareA, bareB),
    notice: () => notice(a, away),
  }
  const lock = [subjects.lock, subjects.unlock]
  const times = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]))
  await away.ask('resources/subscribe', { uri: 'mesh://inbox' })
  for (let block = -1; block < BLOCKS; block++)
    for (const [name, once] of Object.entries(subjects)) {
      if (name === 'unlock') continue
      for (let i = 0; i < BLOCK; i++) {
        const both = name === 'lock' ? [await lock[0](), await lock[1]()] : [await once()]
        // The first block warms up.
        if (block < 0) continue
        times[name].push(both[0])
        if (name === 'lock') times.unlock.push(both[1])
      }
      // Whatever the block has filled is emptied.
      if (name === 'send') while ((await b.tool('mesh_inbox', { limit: 100 })).messages.length > 0);
      if (name === 'bare send') while ((await bareB.tool('wait')).messages.length === 100);
      if (name === 'notice') while ((await away.tool('mesh_inbox', { limit: 100 })).messages.length > 0);
    }
  await floor.end()
  bare.close()
  const nothing = ['empty tool', median(times.nothing)]
  const of = (name, what, aim = {}) => row(`${what}, p50`, median(times[name]), 'ms', { floor: nothing, ...aim })
  return [
    row('empty tool, p50', nothing[1], 'ms'),
    row('Unix-socket round trip, p50', median(times.socket), 'ms'),
    row('one-row commit, p50', median(times.commit), 'ms'),
    of('send', 'mesh_send', { ratio: 1.6 }),
    of('bare send', 'the same of a bare peer'),
    of('bare rows', 'the same of a bare peer that stores what we store'),
    row('mesh_send, p99', quantile(times.send, 0.99), 'ms', { atMost: 4 }),
    row('the same of a bare peer, p99', quantile(times['bare send'], 0.99), 'ms'),
    row('the same of a bare peer that stores what we store, p99', quantile(times['bare rows'], 0.99), 'ms'),
    of('delivery', "send to the receiver's waiting call", { ratio: 2 }),
    of('bare delivery', 'the same between bare peers'),
    of('notice', "send to the receiver's notification", { ratio: 2 }),
    of('inbox', 'mesh_inbox'),
    of('empty inbox', 'mesh_inbox, empty'),
    of('state set', 'mesh_state set'),
    of('state get', 'mesh_state get'),
    of('lock', 'mesh_lock lock'),
    of('unlock', 'mesh_lock unlock'),
    of('peers', 'mesh_peers'),
  ]
}

/** What `delivery` measures, between peers that only store, ring, read and answer. */
const bareDelivery = (a, b) =>
  untilAnswered(
    () => b.tool('wait'),
    () => b.tool('nothing'),
    () => a.tool('send', { to: [1], body: 'now' }),
  )

/** From the send until the receiver's client is told that its inbox has changed. */
async function notice(a, away) {
  const told = new Promise((resolve) => {
    away.onNotification = ({ method }) => method === 'notifications/resources/updated' && resolve()
  })
  const startedAt = performance.now()
  const sent = a.tool('mesh_send', { to: away.name, message: 'now' })
  await told
  const ms = performance.now() - startedAt
  await sent
  return ms
}

/** What nobody who sends over a socket and stores a row can be faster than. */
async function bareFloors() {
  const path = join(home, 'echo.sock')
  const server = createServer((socket) => socket.pipe(socket)).listen(path)
  await new Promise((resolve) => server.once('listening', resolve))
  const socket = createConnection(path)
  await new Promise((resolve) => socket.once('connect', resolve))
  const database = new Native(join(home, 'floor.db'))
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = NORMAL')
  database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)')
  const insert = database.prepare('INSERT INTO t (body) VALUES (?)')
  return {
    async socket() {
      const startedAt = performance.now()
      socket.write('{"k":"ring"}\n')
      await new Promise((resolve) => socket.once('data', resolve))
      return performance.now() - startedAt
    },
    async commit() {
      const startedAt = performance.now()
      database.exec('BEGIN IMMEDIATE')
      insert.run('is the schema still as it was this morning?')
      database.exec('COMMIT')
      return performance.now() - startedAt
    },
    close() {
      socket.destroy()
      server.close()
      database.close()
    },
  }
}

await main(import.meta, calls)
