import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { ClaudeCode, claude } from '../support/claude-code.ts'
import { timesRead } from '../support/stand-in.ts'

const needs = claude ? '' : ' (skipped: no claude in SLM_MESH_TEST_AGENTS or on PATH)'

test.skipIf(!claude)(
  `Claude Code's edit of a held file is refused, and mail reaches it at each of its moments, once${needs}`,
  async () => {
    await using agent = await ClaudeCode.start({ turns: [] })
    const { model, dir, project } = agent
    const filePath = join(project, 'held.txt')
    const write = { tool: 'Write', input: { file_path: filePath, content: 'mine' } }
    model.play(
      write,
      { ...write, waits: true },
      { text: 'I am finished', waits: true },
      { text: 'now I am' },
      { text: 'and again' },
    )
    await using other = await Agent.start({ dir })
    await other.call('lock.acquire', { filePath, reason: 'a large refactoring' })

    const first = agent.headless('write it')
    const refused = await model.wasAsked(2)
    expect(refused.text).toContain(await other.name())
    expect(refused.text).toContain('a large refactoring')
    expect(existsSync(filePath)).toBe(false)

    const [{ name: to = '' } = {}] = (await other.call('peer.list', {})).peers
    await other.call('lock.release', { filePath })
    await other.call('message.send', { to, message: 'LETTER after a tool' })
    model.goOn()
    expect(timesRead(await model.wasAsked(3), 'LETTER after a tool')).toBe(1)
    expect(readFileSync(filePath, 'utf8')).toBe('mine')

    await other.call('message.send', { to, message: 'LETTER before stopping' })
    model.goOn()
    const { code, out } = await first
    expect(code).toBe(0)
    expect(JSON.parse(out).result).toBe('now I am')
    expect(model.asked()).toHaveLength(4)

    await other.call('message.send', { to, message: 'LETTER with the prompt' })
    expect((await agent.headless('go on', '--continue')).code).toBe(0)
    const last = await model.wasAsked(5)
    for (const letter of ['after a tool', 'before stopping', 'with the prompt'])
      expect(timesRead(last, `LETTER ${letter}`), letter).toBe(1)
  },
)
