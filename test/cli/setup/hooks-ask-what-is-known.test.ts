import { expect, test } from 'vitest'
import { adapters, eventOf } from '../../../src/cli/hooks/all.ts'
import type { Wanted } from '../../../src/cli/setup/agent.ts'
import { agents } from '../../../src/cli/setup/agents.ts'

const wanted: Wanted = { start: { words: ['slm-mesh'] }, platform: 'linux', hooks: true, autoLock: true, guard: true }

/** Every `slm-mesh hook <agent> <event>` that would be written for an agent. */
const asked = (name: string) =>
  [
    ...JSON.stringify(agents.find((agent) => agent.name === name)?.hooks?.pieces(wanted)).matchAll(
      /slm-mesh hook ([\w-]+) (\w+)/g,
    ),
  ].map(([, agent = '', event = '']) => ({ agent, event }))

test.each(agents.filter(({ hooks }) => hooks).map(({ name }) => name))('what setup writes for %s, the command knows', (name) => {
  const commands = asked(name)
  expect(commands.length).toBeGreaterThan(0)
  for (const { agent, event } of commands) {
    const adapter = adapters[agent]
    expect(adapter, agent).toBeDefined()
    if (adapter) expect(Object.keys(adapter.events), `${agent} ${event}`).toContain(eventOf(adapter, event))
  }
})
