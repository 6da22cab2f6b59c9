// How often senders send, and from when on they are timed.

/** The first sends of a process are those of its code's reading, and are not timed. */
export const WARM_UP = 5

/** How long an agent that sends ten messages a second waits before the next, in ms; never in step with another. */
export const agentsPause = () => 50 + Math.random() * 100
