import { expect, test } from 'vitest'
import { Codex, codex } from '../support/codex.ts'

const needs = codex ? '' : ' (skipped: no codex in SLM_MESH_TEST_AGENTS or on PATH)'
const status = { tool: 'mesh_status', namespace: 'mcp__slm_mesh' }

test.skipIf(!codex)(`answers from the mesh reach Codex's model${needs}`, async () => {
  await using agent = await Codex.start({ turns: [status, { text: 'all is well' }] })
  const { code, out } = await agent.headless('how is the mesh?')
  expect(code).toBe(0)
  expect(out).toContain('all is well')
  expect(agent.model.asked().at(-1)?.text).toContain('\\"agentType\\":\\"codex\\"')
})

test.skipIf(!codex)(`a person at Codex sees the agent use the mesh, and it leaves no process behind${needs}`, async () => {
  await using agent = await Codex.start({ turns: [status, { text: 'all is well' }] })
  const screen = await agent.interactive()
  screen.type('how is the mesh?')
  await screen.shows('how is the mesh?')
  screen.type('\r')
  await screen.shows('all is well', { within: 20_000 })
})
