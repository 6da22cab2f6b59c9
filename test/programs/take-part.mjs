// A peer that does as it is told, a line of JSON each: {id, name, input} is an operation, {jumpMs} moves its wall clock,
// {id, settle: true} collects garbage. It says {ready} or {failed}, then of each call when it began, when it ended by the
// machine's monotonic clock in ms, and what it came to. Ends when its standard input does. The mesh is that of the environment.
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { joinMesh } from '../../dist/index.js'

const now = () => Number(process.hrtime.bigint()) / 1e6
const say = (line) => writeSync(1, `${JSON.stringify(line)}\n`)
const wall = Date.now
let offsetMs = 0
Date.now = () => wall() + offsetMs

const stderr = (line) => process.stderr.write(line)
const peer = await joinMesh({ env: process.env, agentType: 'participant', stderr }).catch((error) => {
  say({ failed: error.code ?? String(error.stack) })
  process.exit(1)
})
say({ ready: peer.self.name })

for await (const line of createInterface({ input: process.stdin })) {
  const { id, name, input, jumpMs, settle } = JSON.parse(line)
  if (jumpMs !== undefined) offsetMs = jumpMs
  else if (settle) {
    globalThis.gc?.()
    say({ id, from: now(), to: now(), output: {} })
  } else {
    const from = now()
    peer.call(name, input).then(
      (output) => say({ id, from, to: now(), output }),
      (error) => say({ id, from, to: now(), code: error.code ?? String(error.stack), facts: error.facts }),
    )
  }
}
await peer.leave()
process.exit(0)
