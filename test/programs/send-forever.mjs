// Joins the mesh of its environment and sends to one peer until it dies, several messages at a time. Each message is
// `<name> <run> <number>`; it is printed once it has been acknowledged. Usage: send-forever.mjs <to> <run> [<acknowledgements to live for>]
import { writeSync } from 'node:fs'
import { joinMesh } from '../../dist/index.js'

const [to, run, lifetime = 'Infinity'] = process.argv.slice(2)
const IN_FLIGHT = 4
let sent = 0
let acknowledged = 0

const peer = await joinMesh({ env: process.env, agentType: 'sender' })

async function sendOn() {
  for (;;) {
    const message = `${peer.self.name} ${run} ${sent++}`
    await peer.call('message.send', { to, message })
    writeSync(1, `${message}\n`) // the kernel has it: what was printed survives our death
    if (++acknowledged >= Number(lifetime)) process.kill(process.pid, 'SIGKILL')
  }
}
await Promise.all(Array.from({ length: IN_FLIGHT }, sendOn))
