// A process that computes for a millisecond at a time, and says for how long its event loop stood still: what the system's
// scheduler makes of so many of them. Usage: busy.mjs <ms>
import { monitorEventLoopDelay } from 'node:perf_hooks'

const endsAt = performance.now() + Number(process.argv[2])
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
function compute() {
  const until = performance.now() + 1
  while (performance.now() < until);
  if (until < endsAt) setImmediate(compute)
  else console.log(delay.max / 1e6)
}
compute()
