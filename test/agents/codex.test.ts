import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { Codex, codex } from '../support/codex.ts'
import { eventually } from '../support/eventually.ts'

const needs = codex ? '' : ' (skipped: no codex in SLM_MESH_TEST_AGENTS or on PATH)'
const status = { tool: 'mesh_status', namespace: 'mcp__slm_mesh' }

test.skipIf(!codex)(`answers from the mesh reach Codex's model${needs}`, async () => {
  // A server that is not there yet when the first turn begins is there in the next.
  const patch = { tool: 'apply_patch', patch: '*** Begin Patch\n*** Add File: first.txt\n+1\n*** End Patch', waits: true }
  await using agent = await Codex.start({ turns: [patch, status, { text: 'all is well' }] })
  await using other = await Agent.start({ dir: agent.dir })
  const running = agent.headless('how is the mesh?')
  await eventually(async () => (await other.call('peer.list', {})).peers.length === 1)
  await agent.model.wasAsked(1)
  agent.model.goOn()
  const { code, out } = await running
  expect(code).toBe(0)
  expect(out).toContain('all is well')
  expect(agent.model.asked().at(-1)?.text).toContain('\\"agentType\\":\\"codex\\"')
})
