// A peer that locks one path again and again, for a few milliseconds, and says when it asked and when it was answered.
// Sometimes it forgets to unlock, and its lock expires. Ends when its standard input does, or by kill -9.
// Usage: race-for-a-lock.mjs <file>; the mesh is that of SLM_MESH_DATA_DIR.
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { joinMesh } from '../../dist/index.js'

const filePath = process.argv[2]
const peer = await joinMesh({ env: process.env, agentType: 'racer' })
/** One clock for all processes of the machine, in ms. */
const now = () => Number(process.hrtime.bigint()) / 1e6
const say = (entry) => writeSync(1, `${JSON.stringify({ peer: peer.self.id, ...entry })}\n`)
let ending = false
process.stdin.on('end', () => (ending = true)).resume()

const path = { filePath, key: filePath, repoPath: null }
/** A lock for less than a minute, which no agent can ask for; waits in line as an agent does. */
async function lockShortly(ttlMs) {
  const until = now() + 500
  for (let ticket = null; ; ) {
    const heard = peer.bell.count
    const from = now()
    const claim = { paths: [path], reason: '', ttlMs, ticket }
    const answer = await peer.store.locks.acquire(peer.self, claim, Math.max(0, until - from))
    if ('granted' in answer) return { from, token: answer.granted[0].token }
    ticket = answer.ticket ?? ticket
    if (now() >= until) {
      if (ticket !== null) await peer.store.locks.leaveLine(ticket)
      return {}
    }
    await peer.bell.wait(heard, Math.min(until - now(), answer.again), new AbortController().signal)
  }
}
/** A lock as an agent takes it, waiting in line. */
async function waitInLine() {
  const from = now()
  try {
    return { from, token: (await peer.call('lock.acquire', { filePath, ttlMinutes: 1, wait: 0.5 })).lock.token }
  } catch (error) {
    if (error.code !== 'locked') throw error
    return {}
  }
}

// The mesh's own timers keep no process alive.
const alive = setInterval(() => {}, 1_000)
say({ did: 'join', at: now() })
while (!ending) {
  const short = Math.random() < 0.4
  const ttlMs = short ? 10 + Math.floor(Math.random() * 30) : 60_000
  const { from, token } = short ? await lockShortly(ttlMs) : await waitInLine()
  if (token === undefined) continue
  say({ did: 'lock', from, to: now(), ttlMs, token })
  await sleep(Math.random() < 0.05 ? 60 : Math.random() * 4)
  if (short && Math.random() < 0.5) {
    await sleep(ttlMs + 20) // forgets to unlock; by a clock of 10 ms steps, its time is over then
    continue
  }
  say({ did: 'unlocking', from: now(), token })
  const released = await peer.call('lock.release', { filePath }).then(
    ({ lock }) => lock.token,
    (error) => (error.code === 'not_holder' ? null : Promise.reject(error)),
  )
  say({ did: 'unlock', to: now(), token: released })
}
await peer.leave()
clearInterval(alive)
