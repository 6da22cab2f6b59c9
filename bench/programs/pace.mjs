/** How long an agent that sends ten messages a second waits before the next, in ms; never in step with another. */
export const agentsPause = () => 50 + Math.random() * 100
