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
