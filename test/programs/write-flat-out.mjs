// Joins the mesh of its environment, sends to one peer as fast as it is answered and reads what another sends to it, for
// so many milliseconds; then it reads on until the other has ended. It prints what it saw as a line of JSON.
// Usage: write-flat-out.mjs <to> <from> <milliseconds>. It prints `ready` first and begins at a line of its input.
import { once } from 'node:events'
import { joinMesh } from '../../dist/index.js'

const [to, from, milliseconds] = process.argv.slice(2)
const IN_FLIGHT = 4
const PER_READ = 100
const peer = await joinMesh({ env: process.env, agentType: 'writer' })
const seen = { sent: 0, written: 0, read: 0, duplicated: 0, outOfOrder: 0, full: 0, busy: 0, worstMs: 0 }

console.info('ready')
await once(process.stdin, 'data')
const until = performance.now() + Number(milliseconds)

/** Everything but a full mailbox, which tells to come again, is an error that a user would see. */
async function send(message) {
  for (;;) {
    const at = performance.now()
    try {
      await peer.call('message.send', { to, message })
      seen.worstMs = Math.max(seen.worstMs, performance.now() - at)
      return
    } catch (error) {
      if (error.code === 'busy') seen.busy++
      if (error.code !== 'full' && error.code !== 'busy') throw error
      if (error.code === 'full') seen.full++
      await new Promise((again) => setTimeout(again, 20))
    }
  }
}

let next = 0
async function sendOn() {
  while (performance.now() < until) {
    await send(String(next++))
    seen.sent++
    await peer.call('state.set', { key: `${peer.self.name} ${seen.sent % 10}`, value: String(seen.sent) })
    seen.written++
  }
}

let ended = false
let last = -1
async function readOn() {
  while (!ended) {
    const { messages } = await peer.call('message.inbox', { limit: PER_READ, wait: 1 })
    for (const { payload, from: by } of messages) {
      if (by.name !== from) throw new Error(`mail of ${by.name}`)
      if (payload === 'end') {
        ended = true
        continue
      }
      seen.read++
      if (Number(payload) === last) seen.duplicated++
      else if (Number(payload) < last) seen.outOfOrder++
      last = Number(payload)
    }
  }
}

const sending = Promise.all(Array.from({ length: IN_FLIGHT }, sendOn)).then(() => send('end'))
await Promise.all([sending, readOn()])
console.info(JSON.stringify(seen))
await peer.leave()
process.exit(0)
