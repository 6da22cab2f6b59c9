import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { demo } from '../../src/cli/commands/demo.ts'
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
    err: () => {},
    out: (text: string) => {
      out += text
    },
  }
  const code = await demo({ env: process.env, terminal, program: join(testDir(), 'no-such-program.js'), json: true })
  expect(code).toBe(1)
  expect(JSON.parse(out)).toMatchObject({ ok: false, steps: [{ ok: false, lines: [expect.stringMatching(/closed/i)] }] })
})

test('a temporary directory that cannot be written is one line, not a stack', async () => {
  const { code, err } = await run(['demo'], { TMPDIR: '/dev/null' })
  expect(code).toBe(1)
  expect(err).toMatch(/^slm-mesh: .*\/dev\/null.*\n$/)
})
