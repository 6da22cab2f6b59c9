// How long senders send, and how often.

/** How long an agent that sends ten messages a second waits before the next, in ms; never in step with another. */
export const agentsPause = () => 50 + Math.random() * 100

/** Flat out, as long again is sent before anything counts: until then V8 compiles, on the processors that the senders share. */
export function phases(how, ms) {
  const countsFrom = performance.now() + (how === 'flat' ? ms : 0)
  return { countsFrom, endsAt: countsFrom + ms }
}
