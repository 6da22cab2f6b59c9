// One sender: joins, waits for the word to begin, sends, and says what it saw. Usage: sender.mjs <flat|pace> <ms> <in flight>
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { joinMesh } from '../../dist/index.js'

/** The first sends of a process are those of its code's reading, and are not timed. */
const WARM_UP = 5

const [how, ms, inFlight] = process.argv.slice(2)
const peer = await joinMesh({ env: process.env, agentType: 'sender' })
const alive = setInterval(() => {}, 1_000)
console.log(JSON.stringify({ name: peer.self.name }))
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const { names } = JSON.parse((await lines.next()).value)

const others = names.filter((name) => name !== peer.self.name)
const times = []
let n = 0
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
const endsAt = performance.now() + Number(ms)
const send = async () => {
  const startedAt = performance.now()
  const isTimed = n >= WARM_UP
  await peer.call('message.send', { to: others[n % others.length], message: String(n++) })
  if (isTimed) times.push(performance.now() - startedAt)
}
if (how === 'flat')
  await Promise.all(
    Array.from({ length: Number(inFlight) }, async () => {
      while (performance.now() < endsAt) await send()
    }),
  )
else
  while (performance.now() < endsAt) {
    await send()
    await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 100)) // ten a second, never in step
  }
delay.disable()
console.log(JSON.stringify({ sent: n, times, blockedMs: delay.max / 1e6 }))
await lines.next()
clearInterval(alive)
await peer.leave()
