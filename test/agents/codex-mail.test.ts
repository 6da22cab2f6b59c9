import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { ClaudeCode, claude } from '../support/claude-code.ts'
import { Codex, codex } from '../support/codex.ts'
import { eventually } from '../support/eventually.ts'
import { timesRead } from '../support/stand-in.ts'

const needs = claude && codex ? '' : ' (skipped: no codex, or no claude, in SLM_MESH_TEST_AGENTS or on PATH)'

test.skipIf(!claude || !codex)(
  `Codex's edit of a held file is refused, and Codex and Claude Code read each other's mail, once${needs}`,
  async () => {
    const patch = { tool: 'apply_patch', patch: '*** Begin Patch\n*** Add File: held.txt\n+mine\n*** End Patch', waits: true }
    await using it = await Codex.start({
      turns: [
        patch,
        patch,
        {
          tool: 'mesh_send',
          namespace: 'mcp__slm_mesh',
          input: { to: 'claude-agent', message: 'LETTER of Codex' },
          waits: true,
        },
        { text: 'I am finished', waits: true },
        { text: 'now I am' },
      ],
    })
    const { dir, model, project } = it
    const filePath = join(project, 'held.txt')
    await using claudeCode = await ClaudeCode.start({
      dir,
      turns: [
        { tool: 'mcp__slm-mesh__mesh_send', input: { to: 'codex-agent', message: 'LETTER of Claude Code' }, waits: true },
        { text: 'I have written' },
      ],
    })
    await using holder = await Agent.start({ dir })
    await holder.call('lock.acquire', { filePath, reason: 'a large refactoring' })

    const running = it.headless('write it')
    const alsoRunning = claudeCode.headless('write to Codex')
    await eventually(async () => (await holder.call('peer.list', {})).peers.length === 2)
    await model.wasAsked(1)
    model.goOn()
    const refused = await model.wasAsked(2)
    expect(refused.text).toContain(await holder.name())
    expect(refused.text).toContain('a large refactoring')
    expect(existsSync(filePath)).toBe(false)

    await holder.call('lock.release', { filePath })
    await holder.call('message.send', { to: 'codex-agent', message: 'LETTER of the holder' })
    model.goOn()
    expect(timesRead(await model.wasAsked(3), 'LETTER of the holder')).toBe(1)
    expect(readFileSync(filePath, 'utf8')).toBe('mine\n')

    model.goOn()
    await model.wasAsked(4)
    await claudeCode.model.wasAsked(1)
    claudeCode.model.goOn()
    expect(timesRead(await claudeCode.model.wasAsked(2), 'LETTER of Codex')).toBe(1)
    expect((await alsoRunning).code).toBe(0)
    model.goOn()
    const { code, out } = await running
    expect(code).toBe(0)
    expect(out).toContain('now I am')
    expect(model.asked()).toHaveLength(5)
    const last = await model.wasAsked(5)
    for (const letter of ['of the holder', 'of Claude Code']) expect(timesRead(last, `LETTER ${letter}`), letter).toBe(1)

    await it.setup('codex', '--remove', '--yes')
    expect(readFileSync(it.config, 'utf8')).toBe(it.before)
    expect(existsSync(join(it.home, '.codex', 'hooks.json'))).toBe(false)
  },
)
