import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Agent } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { natsServer, needsNats, startNats } from '../support/nats.ts'
import { ownMesh } from '../support/nats-mesh.ts'
import { createHosts, type SceneHost } from '../support/scene.ts'

describe.skipIf(!natsServer)(`hooks of agents on two machines${needsNats}`, () => {
  const hook = async (host: SceneHost, event: string, input: object) => {
    const { out } = await host.run(['hook', 'codex', event], JSON.stringify(input))
    return JSON.parse(out)
  }
  const patch = (path: string) => `*** Begin Patch\n*** Update File: ${path}\n@@\n-a\n+b\n*** End Patch`
  const edit = ({ project }: SceneHost, path: string) => ({
    ...{ session_id: 't-1', hook_event_name: 'PreToolUse', tool_name: 'apply_patch', cwd: project },
    tool_input: { command: patch(path) },
  })
  const tell = (agent: Agent) => agent.client.callTool({ name: 'mesh_status', arguments: {}, _meta: { threadId: 't-1' } })

  test('mail from the other machine is shown, once, and an edit of what is held there is refused; with the server away the agent goes on', async () => {
    await using nats = await startNats()
    const [one, other] = createHosts(2, ownMesh(nats)) as [SceneHost, SceneHost] // as many as asked for
    await using ann = await one.agent('ann')
    // Each machine has a session that calls itself by that id: each hook finds its own.
    await using bob = await other.agent('bob', { client: 'codex-mcp-client' })
    await using cid = await one.agent('cid', { client: 'codex-mcp-client' })
    for (const agent of [bob, cid]) await tell(agent)

    await ann.call('message.send', { to: 'bob', message: 'from elsewhere' })
    const prompt = { session_id: 't-1', cwd: other.project }
    const shown = await eventually(async () => (await hook(other, 'UserPromptSubmit', prompt)).hookSpecificOutput)
    expect(shown.additionalContext).toContain('"from elsewhere"')
    await eventually(async () => (await ann.call('message.inbox', { filter: 'sent' })).messages[0]?.state === 'seen')
    expect(await hook(other, 'UserPromptSubmit', prompt)).toEqual({})
    expect(await hook(one, 'UserPromptSubmit', { session_id: 't-1', cwd: one.project })).toEqual({})

    await ann.call('lock.acquire', { filePath: 'held.ts', reason: 'renaming' })
    const refused = await hook(other, 'PreToolUse', edit(other, 'held.ts'))
    expect(refused.hookSpecificOutput).toMatchObject({
      permissionDecision: 'deny',
      permissionDecisionReason: expect.stringMatching(/is locked by ann .*"renaming"/),
    })
    expect(refused.hookSpecificOutput.permissionDecisionReason).toContain(join(other.project, 'held.ts'))
    expect(await hook(other, 'PreToolUse', edit(other, 'free.ts'))).toEqual({})

    await nats.servers[0].kill()
    const askedAt = performance.now()
    // What is known to be held stays refused; what is not, is not held up.
    expect((await hook(other, 'PreToolUse', edit(other, 'held.ts'))).hookSpecificOutput?.permissionDecision).toBe('deny')
    expect(await hook(other, 'PreToolUse', edit(other, 'free.ts'))).toEqual({})
    await hook(other, 'Stop', { session_id: 't-1', cwd: other.project, stop_hook_active: false })
    expect(performance.now() - askedAt).toBeLessThan(20_000)
    await nats.servers[0].start()
    await eventually(async () => (await ann.call('message.send', { to: 'bob', message: 'again' })).recipients.length === 1)
    const again = await eventually(async () => (await hook(other, 'UserPromptSubmit', prompt)).hookSpecificOutput)
    expect(again.additionalContext).toContain('"again"')
  })
})
