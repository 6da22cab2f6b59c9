// What calls take on each engine, in one run: the embedded file, one NATS server, and three. On NATS the two sessions have a
// data directory each, so that they are two machines to the mesh, and all that passes between them goes through the servers.
// Blocks are interleaved. Needs a nats-server of 2.12 or newer: SLM_MESH_NATS_SERVER, or one that can be found.

import { execFileSync } from 'node:child_process'
import { main, median, quantile, row, runsOr } from './figures.mjs'
import { Session } from './mcp.mjs'
import { startNats } from './nats.mjs'
import { delivery, emptyServer, environment, program } from './world.mjs'

const BLOCKS = runsOr(20, 4)
const BLOCK = 25

export async function engines() {
  const floor = new Session([await emptyServer()], process.env)
  await floor.initialize()
  const running = [await meshOf('embedded', 'engine-embedded', 'engine-embedded')]
  const servers = []
  try {
    for (const count of [1, 3]) {
      const nats = await startNats(count)
      if (!nats) break
      servers.push(nats)
      const name = count === 1 ? 'one NATS server' : 'three NATS servers'
      const SLM_MESH_URL = nats.url
      execFileSync(process.execPath, [program, 'init', '--replicas', String(count)], {
        env: environment(`engine-${count}-a`, { SLM_MESH_URL }),
      })
      running.push(await meshOf(name, `engine-${count}-a`, `engine-${count}-b`, { SLM_MESH_URL }))
    }
    return await measure(floor, running)
  } finally {
    await floor.end()
    for (const { a, b } of running) await Promise.all([a.end(), b.end()])
    for (const nats of servers) await nats.end()
  }
}

async function meshOf(name, homeA, homeB, more = {}) {
  const [a, b] = [homeA, homeB].map((home) => new Session([program, 'mcp'], environment(home, more)))
  for (const session of [a, b]) {
    await session.initialize()
    session.name = (await session.tool('mesh_peers')).self.name
  }
  for (let met = false; !met; ) met = (await a.tool('mesh_peers')).peers.some((peer) => peer.name === b.name)
  return { name, a, b }
}

async function measure(floor, running) {
  const subjects = {
    mesh_send: ({ a, b }) => a.time('mesh_send', { to: b.name, message: 'is the schema still as it was this morning?' }),
    "send to the receiver's waiting call": ({ a, b }) => delivery(a, b),
    mesh_inbox: ({ b }) => b.time('mesh_inbox', { limit: 100 }),
    'mesh_state set': ({ a }, n) => a.time('mesh_state', { action: 'set', key: 'k', value: `${n}` }),
    'mesh_state get': ({ b }) => b.time('mesh_state', { action: 'get', key: 'k' }),
    'mesh_lock lock and unlock': async ({ a }) =>
      (await a.time('mesh_lock', { action: 'lock', filePath: '/tmp/bench.ts' })) +
      (await a.time('mesh_lock', { action: 'unlock', filePath: '/tmp/bench.ts' })),
  }
  const times = new Map(running.map((mesh) => [mesh, Object.fromEntries(Object.keys(subjects).map((name) => [name, []]))]))
  const nothing = []
  for (let block = -1; block < BLOCKS; block++) {
    for (let i = 0; i < BLOCK; i++) {
      const ms = await floor.time('nothing')
      if (block >= 0) nothing.push(ms)
    }
    for (const mesh of running)
      for (const [name, once] of Object.entries({ 'mesh_state set': subjects['mesh_state set'], ...subjects })) {
        for (let i = 0; i < BLOCK; i++) {
          const ms = await once(mesh, i)
          if (block >= 0) times.get(mesh)[name].push(ms) // the first block warms up
        }
        while ((await mesh.b.tool('mesh_inbox', { limit: 100 })).messages.length > 0);
      }
  }
  const empty = ['empty tool', median(nothing)]
  return [
    row('empty tool, p50', empty[1], 'ms'),
    ...Object.keys(subjects).flatMap((what) =>
      running.flatMap((mesh) => {
        const all = times.get(mesh)[what]
        return [
          row(`${what}, ${mesh.name}: p50`, median(all), 'ms', { floor: empty }),
          row(`${what}, ${mesh.name}: p99`, quantile(all, 0.99), 'ms'),
        ]
      }),
    ),
  ]
}

await main(import.meta, engines)
