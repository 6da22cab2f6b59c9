import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { demo } from '../../src/cli/commands/demo.ts'
import { PROGRAM } from '../support/agent.ts'
import { testDir } from '../support/data-dir.ts'
import { run } from '../support/run.ts'

test('every step of the demo works, its figures are measured, and it leaves nothing behind', async () => {
  const { code, out, err } = await run(['demo', '--json'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const told = JSON.parse(out)
  expect(told.ok).toBe(true)
  expect(told.steps.map((step: { ok: boolean }) => step.ok)).toEqual(Array(8).fill(true))
  for (const figure of ['delivery_ms', 'lock_handover_ms', 'crash_detected_ms', 'failover_ms'])
    expect(told.figures[figure]).toBeGreaterThan(0)
})

test('where nobody watches in colour, the story is plain text', async () => {
  const { code, out } = await run(['demo'])
  expect(code).toBe(0)
  expect(out).not.toContain('\u001b')
  expect(out).toMatch(/8\. The killed session comes back/)
  const home = /They meet in (\S+),/.exec(out)?.[1] ?? ''
  expect(home).not.toBe('')
  expect(existsSync(home)).toBe(false)
})

test('a step that fails ends the demo with the reason and exit code 1', async () => {
  let out = ''
  const terminal = {
    colour: false,
    isTty: false,
    size: () => ({ columns: 80, rows: 24 }),
    err: () => {},
    out: (text: string) => {
      out += text
    },
  }
  const { signal } = new AbortController()
  const code = await demo({ env: process.env, terminal, signal, program: join(testDir(), 'no-such-program.js'), json: true })
  expect(code).toBe(1)
  expect(JSON.parse(out)).toMatchObject({ ok: false, steps: [{ ok: false, lines: [expect.stringMatching(/closed/i)] }] })
})

test('a temporary directory that cannot be written is one line, not a stack', async () => {
  const { code, err } = await run(['demo'], { TMPDIR: '/dev/null' })
  expect(code).toBe(1)
  expect(err).toMatch(/^slm-mesh: .*\/dev\/null.*\n$/)
})

test.each(['its reader goes away', 'it is interrupted'])(
  'when %s, the demo ends without a stack and leaves nothing behind',
  async (how) => {
    const TMPDIR = testDir()
    const child = spawn(process.execPath, [PROGRAM, 'demo'], {
      env: { PATH: process.env.PATH ?? '', TMPDIR },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let err = ''
    child.stderr.on('data', (chunk) => {
      err += chunk
    })
    const ended = once(child, 'exit')
    await once(child.stdout, 'data')
    if (how === 'it is interrupted') child.kill('SIGINT')
    else child.stdout.destroy()
    expect(await ended).toEqual([130, null])
    expect({ err, left: readdirSync(TMPDIR) }).toEqual({ err: '', left: [] })
  },
)
