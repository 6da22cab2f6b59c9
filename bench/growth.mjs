// The same operations in an empty mesh and in one that has stored much, in turn: does anything take longer?
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { joinMesh } from '../dist/index.js'
import { main, median, options, row, runsOr } from './figures.mjs'
import { bareEnv, bundled, environment } from './world.mjs'

const MESSAGES = options.quick ? 10_000 : 100_000
const EVENTS = 10_000
const LOCKS = options.quick ? 100 : 1_000
const BLOCKS = runsOr(60, 10)
const BLOCK = 40
/** A mailbox takes no more than 10,000 unread. */
const MAILBOXES = 12

export async function growth() {
  const alive = setInterval(() => {}, 1_000)
  const [empty, full] = [await mesh('empty'), await mesh('full')]
  // As many peers here and there: lists of them grow with them, and with nothing else.
  const holders = [await fill(empty, 0, 0, 0), await fill(full, MESSAGES, EVENTS, LOCKS)]
  const names = Object.keys(empty.operations)
  const times = { empty: {}, full: {} }
  for (let block = -2; block < BLOCKS; block++)
    // Neither always comes first.
    for (const name of names)
      for (const [which, { operations }] of block % 2 === 0
        ? [
            ['empty', empty],
            ['full', full],
          ]
        : [
            ['full', full],
            ['empty', empty],
          ])
        for (let i = 0; i < BLOCK; i++) {
          const startedAt = performance.now()
          await operations[name](i)
          if (block >= 0) (times[which][name] ??= []).push(performance.now() - startedAt)
        }
  const [inEmpty, inFull] = await rowsAlone(empty, full)
  for (const holder of holders) await holder.leave()
  await empty.end()
  await full.end()
  clearInterval(alive)
  const stored = `with ${MESSAGES} messages, ${EVENTS} more events, ${LOCKS} locks`
  return [
    ...names.map((name) =>
      row(`${name}, ${stored}`, median(times.full[name]), 'ms', {
        floor: ['empty mesh', median(times.empty[name])],
        ratio: 1.15,
      }),
    ),
    row(`send, its rows alone, ${stored}`, inFull, 'ms', { floor: ['empty mesh', inEmpty] }),
  ]
}

/** What a message's rows take by themselves: more pages lead to where they stand in larger trees. */
async function rowsAlone(...meshes) {
  const files = meshes.map(({ env }) => join(env.SLM_MESH_DATA_DIR, 'mesh.db'))
  const args = [await bundled('rows-in-turn'), ...files, 'second', BLOCKS, BLOCK].map(String)
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: bareEnv })
  return JSON.parse(stdout)
}

async function mesh(name) {
  const env = environment(name)
  const a = await joinMesh({ env: { ...env, SLM_MESH_NAME: 'first' }, agentType: 'bench' })
  const b = await joinMesh({ env: { ...env, SLM_MESH_NAME: 'second' }, agentType: 'bench' })
  let n = 0
  return {
    env,
    a,
    operations: {
      send: () => a.call('message.send', { to: 'second', message: 'is the schema still as it was?' }),
      inbox: () => b.call('message.inbox', { limit: 1 }),
      'inbox, empty': () => a.call('message.inbox', {}),
      'inbox filter=sent': () => a.call('message.inbox', { filter: 'sent', limit: 5 }),
      'state set': () => a.call('state.set', { key: 'k', value: String(n++) }),
      'state get': () => a.call('state.get', { key: 'k' }),
      lock: (i) => a.call('lock.acquire', { filePath: `/tmp/bench-${i}.ts` }),
      unlock: (i) => a.call('lock.release', { filePath: `/tmp/bench-${i}.ts` }),
      'events, latest': () => a.call('event.read', { limit: 5 }),
      peers: () => a.call('peer.list', {}),
      status: () => a.call('mesh.status', {}),
    },
    async end() {
      await b.leave()
      await a.leave()
    },
  }
}

/** Through the product's own doors, by peers that then leave, but for the one that holds the locks. */
async function fill({ env }, messages, events, locks) {
  const many = []
  for (let i = 0; i < MAILBOXES; i++)
    many.push(await joinMesh({ env: { ...env, SLM_MESH_NAME: `filler-${i}` }, agentType: 'bench' }))
  const each = async (count, run) => {
    for (let done = 0; done < count; done += 500)
      await Promise.all(Array.from({ length: Math.min(500, count - done) }, (_, i) => run(done + i)))
  }
  await each(messages, (i) =>
    many[i % MAILBOXES].call('message.send', { to: `filler-${(i + 1) % MAILBOXES}`, message: `message ${i}` }),
  )
  await each(events, (i) => many[0].call('event.emit', { types: ['x_build'], payload: { i } }))
  await each(locks, (i) => many[1].call('lock.acquire', { filePath: `/nowhere/held/${i}.ts` }))
  for (const peer of many) if (peer !== many[1]) await peer.leave()
  return many[1]
}

await main(import.meta, growth)
