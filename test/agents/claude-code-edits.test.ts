import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { ClaudeCode, claude, SETTINGS } from '../support/claude-code.ts'
import { timesRead } from '../support/stand-in.ts'

const needs = claude ? '' : ' (skipped: no claude in SLM_MESH_TEST_AGENTS or on PATH)'

test.skipIf(!claude)(
  `Claude Code takes locks by itself, gives them back, and edits nothing that cannot be checked${needs}`,
  async () => {
    await using it = await ClaudeCode.start({ turns: [], setup: ['--auto-lock', '--guard'] })
    const { model, dir, project } = it
    const path = (name: string) => join(project, name)
    const write = (name: string) => ({ tool: 'Write', input: { file_path: path(name), content: 'mine' } })
    model.play(
      write('held.txt'),
      write('free.txt'),
      { tool: 'Read', input: { file_path: path('read.txt') } },
      {
        tool: 'Agent',
        input: { description: 'look', prompt: 'look around', subagent_type: 'general-purpose', run_in_background: false },
      },
      { tool: 'Bash', input: { command: 'true', description: 'nothing' }, waits: true },
      { text: 'the subagent has looked' },
      { ...write('unchecked.txt'), waits: true },
      { text: 'I am finished', waits: true },
    )
    writeFileSync(path('read.txt'), 'theirs')
    await using other = await Agent.start({ dir })
    await other.call('lock.acquire', { filePath: path('held.txt') })
    const running = it.headless('write them')
    // Its subagent asks.
    await model.wasAsked(5)
    expect(existsSync(path('held.txt'))).toBe(false)
    const { locks } = await other.call('lock.query', {})
    expect(locks.map(({ filePath, lockedBy }) => [filePath.split('/').at(-1), lockedBy.name]).sort()).toEqual([
      ['free.txt', 'claude-agent'],
      ['held.txt', await other.name()],
    ])
    const writes = (name: string) => other.text('mesh_hook', { event: 'PostToolUse', file: path(name) })
    expect(await writes('read.txt')).toBe('{}')
    expect(await writes('free.txt')).toContain('claude-agent has written')

    await other.call('message.send', { to: 'claude-agent', message: 'LETTER for the agent' })
    model.goOn()
    expect(timesRead(await model.wasAsked(6), 'LETTER for the agent')).toBe(0)
    const after = await model.wasAsked(7)
    expect(timesRead(after, 'LETTER for the agent')).toBe(1)

    const [{ pid } = { pid: null }] = (await other.call('peer.list', {})).peers
    process.kill(pid ?? 0, 'SIGSTOP')
    model.goOn()
    expect((await model.wasAsked(8)).text).toContain('edits that cannot be checked are refused here')
    expect(existsSync(path('unchecked.txt'))).toBe(false)
    process.kill(pid ?? 0, 'SIGCONT')
    model.goOn()
    expect((await running).code).toBe(0)
    const unlocked = (await other.call('event.read', { types: ['file_unlocked'] })).events
    expect(unlocked).toContainEqual(
      expect.objectContaining({ payload: expect.objectContaining({ filePath: path('free.txt'), reason: 'released' }) }),
    )

    await it.setup('claude-code', '--remove', '--yes')
    expect(readFileSync(it.settings, 'utf8')).toBe(SETTINGS)
    expect(JSON.parse(readFileSync(join(it.home, '.claude.json'), 'utf8'))).not.toHaveProperty('mcpServers')
  },
)
