import { ErrorCode } from '@modelcontextprotocol/sdk/types.js'
import { expect, test } from 'vitest'
import { toolDefinitions } from '../../src/mcp/tools.ts'
import { Agent } from '../support/agent.ts'
import { shared } from '../support/shared.ts'

const one = shared(() => Agent.start())

async function text(agent: Agent, name: string, given: Record<string, string> = {}): Promise<string> {
  const { messages } = await agent.client.getPrompt({ name, arguments: given })
  expect(messages).toMatchObject([{ role: 'user', content: { type: 'text', text: expect.any(String) } }])
  const content = messages[0]?.content
  return content?.type === 'text' ? content.text : ''
}

test('every prompt can be had with what it needs, and names only tools that there are', async () => {
  const agent = one()
  const tools = new Set(toolDefinitions().map(({ name }) => name))
  const { prompts } = await agent.client.listPrompts()
  expect(prompts).toHaveLength(6)
  for (const { name, arguments: taken = [] } of prompts) {
    const needed = taken.filter(({ required }) => required).map((argument) => [argument.name, `value of ${argument.name}`])
    const said = await text(agent, name, Object.fromEntries(needed))
    for (const [, value] of needed) expect(said).toContain(value)
    expect(said).not.toContain('undefined')
    const named = said.match(/mesh_\w+/g) ?? []
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter((tool) => !tools.has(tool))).toEqual([])
  }
})

test('what the user gives stands in it, with or without what is optional', async () => {
  const agent = one()
  expect(await text(agent, 'lock', { path: 'src/a.ts', reason: 'renaming' })).toContain(
    'src/a.ts with mesh_lock (reason: renaming)',
  )
  expect(await text(agent, 'lock', { path: 'src/a.ts' })).not.toContain('reason')
  expect(await text(agent, 'send', { to: 'nova', message: 'line 1\nline 2 $& $1' })).toContain('line 1\nline 2 $& $1')
})

test('one that is not there, or lacks what it needs, is refused with what is missing', async () => {
  const agent = one()
  const cases: [name: string, given: Record<string, string>, reason: RegExp][] = [
    ['send', {}, /needs to:/],
    ['send', { to: 'nova' }, /needs message:/],
    ['send', { to: 'nova', message: '' }, /needs message:/],
    ['lock', { reason: 'x' }, /needs path:/],
    ['nothing', {}, /no prompt nothing/],
    ['constructor', {}, /no prompt constructor/],
  ]
  for (const [name, given, reason] of cases)
    await expect(agent.client.getPrompt({ name, arguments: given })).rejects.toMatchObject({
      code: ErrorCode.InvalidParams,
      message: expect.stringMatching(reason),
    })
})
