import { expect, test } from 'vitest'
import { ClaudeCode, claude } from '../support/claude-code.ts'
import { eventually } from '../support/eventually.ts'

const needs = claude ? '' : ' (skipped: no claude in SLM_MESH_TEST_AGENTS or on PATH)'

test.skipIf(!claude)(`Claude Code offers our eight tools to its model, and answers from the mesh reach it${needs}`, async () => {
  await using agent = await ClaudeCode.start({
    turns: [{ tool: 'mcp__slm-mesh__mesh_status' }, { text: 'all is well' }],
  })
  const { code, out } = await agent.headless('how is the mesh?')
  expect(code).toBe(0)
  expect(JSON.parse(out).result).toBe('all is well')
  const [first, second] = agent.model.asked()
  expect(first?.tools.filter((name) => name.startsWith('mcp__slm-mesh__'))).toHaveLength(8)
  expect(second?.text).toContain('\\"agentType\\":\\"claude-code\\"')
})

test.skipIf(!claude)(`a person at Claude Code sees the agent use the mesh${needs}`, async () => {
  await using agent = await ClaudeCode.start({
    turns: [{ tool: 'mcp__slm-mesh__mesh_status' }, { text: 'all is well' }],
  })
  const screen = await agent.interactive()
  screen.type('how is the mesh?')
  await screen.shows('how is the mesh?')
  screen.type('\r')
  await screen.shows('all is well', { within: 20_000 })
  await eventually(() => agent.model.asked().length === 2)
})
