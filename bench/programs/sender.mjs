// One sender: joins, waits for the word to begin, sends, and says what it saw. Usage: sender.mjs <flat|pace> <ms> <in flight>
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { joinMesh } from '../../dist/index.js'
import { agentsPause, phases } from './pace.mjs'

const [how, ms, inFlight] = process.argv.slice(2)
const peer = await joinMesh({ env: process.env, agentType: 'sender' })
const alive = setInterval(() => {}, 1_000)
console.log(JSON.stringify({ name: peer.self.name }))
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const { names } = JSON.parse((await lines.next()).value)

const others = names.filter((name) => name !== peer.self.name)
const times = []
/** At the pace of agents: the first send to each of the others, which opens the link to it. */
const firsts = []
let n = 0
const { countsFrom, endsAt } = phases(how, Number(ms))
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
const send = async () => {
  const startedAt = performance.now()
  const isFirst = n < others.length
  await peer.call('message.send', { to: others[n % others.length], message: String(n++) })
  if (how === 'pace' && isFirst) firsts.push(performance.now() - startedAt)
  else if (startedAt >= countsFrom) times.push(performance.now() - startedAt)
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
    await sleep(agentsPause())
  }
delay.disable()
console.log(JSON.stringify({ sent: n, times, firsts, blockedMs: delay.max / 1e6 }))
await lines.next()
clearInterval(alive)
await peer.leave()
