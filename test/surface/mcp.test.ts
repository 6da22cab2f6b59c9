import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { shared } from '../support/shared.ts'
import { asJson, expectStored } from '../support/stored.ts'

const one = shared(() => Agent.start())

/** Values for prompts' arguments, so that the stored text shows where they go. */
const GIVEN: Record<string, string> = { to: '<to>', message: '<message>', path: '<path>', reason: '<reason>' }

test('resources are what resources.json says', async () => {
  const agent = one()
  const { resources } = await agent.client.listResources()
  const { resourceTemplates } = await agent.client.listResourceTemplates()
  expectStored('resources.json', asJson({ resources, resourceTemplates }))
})

test('prompts, and what they make the agent do, are what prompts.json says', async () => {
  const agent = one()
  const { prompts } = await agent.client.listPrompts()
  expect(prompts.map(({ name }) => name).sort()).toEqual(['inbox', 'lock', 'peers', 'send', 'status', 'sync'])
  const texts: Record<string, unknown> = {}
  for (const { name, arguments: taken = [] } of prompts) {
    const given = Object.fromEntries(taken.map((argument) => [argument.name, GIVEN[argument.name] ?? '']))
    texts[name] = (await agent.client.getPrompt({ name, arguments: given })).messages
  }
  expectStored('prompts.json', asJson({ prompts, texts }))
})

test('what a client learns when it initialises is what server.json says, but for the version', async () => {
  const agent = one()
  const { version, ...server } = agent.client.getServerVersion() ?? { version: '' }
  expect(version).toMatch(/^\d+\.\d+\.\d+/)
  expectStored(
    'server.json',
    asJson({ server, capabilities: agent.client.getServerCapabilities(), instructions: agent.client.getInstructions() }),
  )
})
