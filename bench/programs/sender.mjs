// One sender: joins, waits for the word to begin, sends, and says what it saw. Usage: sender.mjs <flat|watched|pace> <ms> <in flight>
// Watched is flat, with an eye on its event loop, which wakes it a thousand times a second: a load of its own.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { joinMesh } from '../../dist/index.js'
import { agentsPause, WARM_UP } from './pace.mjs'

const [how, ms, inFlight] = process.argv.slice(2)
const peer = await joinMesh({ env: process.env, agentType: 'sender' })
const alive = setInterval(() => {}, 1_000)
console.log(JSON.stringify({ name: peer.self.name }))
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const { names } = JSON.parse((await lines.next()).value)

const others = names.filter((name) => name !== peer.self.name)
const times = []
let n = 0
const endsAt = performance.now() + Number(ms)
const delay = monitorEventLoopDelay({ resolution: 1 })
if (how === 'watched') delay.enable()
const send = async () => {
  const startedAt = performance.now()
  const isTimed = n >= WARM_UP
  await peer.call('message.send', { to: others[n % others.length], message: String(n++) })
  if (isTimed) times.push(performance.now() - startedAt)
}
if (how !== 'pace')
  await Promise.all(
    Array.from({ length: Number(inFlight) }, async () => {
      while (performance.now() < endsAt) await send()
    }),
  )
else
  while (performance.now() < endsAt) {
    await send()
    await sleep(agentsPause())
  }
delay.disable()
console.log(JSON.stringify({ sent: n, times, blockedMs: delay.max / 1e6 }))
await lines.next()
clearInterval(alive)
await peer.leave()
