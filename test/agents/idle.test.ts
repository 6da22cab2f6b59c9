import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { ClaudeCode, claude, hasInbox } from '../support/claude-code.ts'
import { Codex, codex, trustHooks } from '../support/codex.ts'
import { eventually } from '../support/eventually.ts'
import { processesWith } from '../support/leftovers.ts'
import { timesRead } from '../support/stand-in.ts'

const needs = claude ? '' : ' (skipped: no claude in SLM_MESH_TEST_AGENTS or on PATH)'

test.skipIf(!claude)(
  `an idle Claude Code is woken for mail, which it reads once, and leaves no process behind${needs}`,
  async () => {
    await using it = await ClaudeCode.start({ turns: [{ text: 'one' }, { text: 'two' }, { text: 'three' }, { text: 'woken' }] })
    const { model, dir } = it
    await using other = await Agent.start({ dir })
    const ours = (word: string) =>
      processesWith(`HOME=${it.home}`).filter(({ command }) => command.startsWith(`node `) && command.endsWith(word))
    const screen = await it.interactive()
    for (const word of ['one', 'two', 'three']) {
      screen.type(`say ${word}`)
      await screen.shows(`say ${word}`)
      screen.type('\r')
      await screen.shows(`● ${word}`, { within: 20_000 })
    }
    const waits = (other?: number) =>
      eventually(() => {
        const [one, another] = ours('idle ')
        return one && !another && one.pid !== other ? one.pid : undefined
      })
    const first = await waits()
    await other.call('message.send', { to: 'claude-agent', message: 'LETTER while idle' })
    const woken = await model.wasAsked(4)
    expect(timesRead(woken, 'LETTER while idle')).toBe(1)
    await screen.shows('● woken')
    await waits(first)
    screen.type('/exit\r')
    await screen.exited
    await eventually(() => processesWith(`HOME=${it.home}`).length === 0)
  },
)

const needsInbox = hasInbox ? '' : ' (skipped: no claude of 2.1.224 or later in SLM_MESH_TEST_AGENTS or on PATH)'

test.skipIf(!hasInbox)(`without hooks it is woken by its own inbox, before its first turn too${needsInbox}`, async () => {
  await using it = await ClaudeCode.start({
    turns: [{ tool: 'mcp__slm-mesh__mesh_inbox' }, { text: 'I have read it' }],
    setup: ['--no-hooks'],
  })
  const { model, dir } = it
  await using other = await Agent.start({ dir })
  const screen = await it.interactive()
  await eventually(async () => (await other.call('peer.list', {})).peers.length === 1)
  await other.call('message.send', { to: 'claude-agent', message: 'LETTER while idle' })
  const woken = await model.wasAsked(1)
  expect(woken.text).toContain(`1 new message from ${await other.name()}`)
  expect(timesRead(woken, 'LETTER while idle')).toBe(0)
  expect(timesRead(await model.wasAsked(2), 'LETTER while idle')).toBe(1)
  await screen.shows('● I have read it')
  expect(model.asked()).toHaveLength(2)
})

const needsCodex = codex ? '' : ' (skipped: no codex in SLM_MESH_TEST_AGENTS or on PATH)'

test.skipIf(!codex)(
  `an idle Codex is woken in its terminal, once its hooks are trusted, and reads the mail once${needsCodex}`,
  async () => {
    await using it = await Codex.start({
      turns: [{ tool: 'mesh_status', namespace: 'mcp__slm_mesh' }, { text: 'all is well' }, { text: 'I am awake' }],
    })
    const { model, dir } = it
    await using other = await Agent.start({ dir })
    const screen = await it.interactive()
    await trustHooks(screen)
    await eventually(async () => (await other.call('peer.list', {})).peers.length === 1)
    screen.type('how is the mesh?')
    await screen.shows('how is the mesh?')
    screen.type('\r')
    await screen.shows('all is well', { within: 20_000 })
    await other.call('message.send', { to: 'codex-agent', message: 'LETTER while idle' })
    await screen.shows('I am awake')
    expect(model.asked()).toHaveLength(3)
    expect(timesRead(await model.wasAsked(3), 'LETTER while idle')).toBe(1)
    expect((await other.call('peer.list', {})).peers).toMatchObject([{ name: 'codex-agent', reach: 'wake' }])
  },
)
