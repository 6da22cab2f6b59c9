import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROGRAM } from '../support/agent.ts'
import { dataDir } from '../support/data-dir.ts'
import { run, runOther } from '../support/run.ts'

/** More than any pipe holds. */
const LINES = 30_000

test('a long output arrives whole: through a pipe, into a file, through a pipe that does not block, and as far as it is read', async () => {
  const dir = dataDir()
  const env = { SLM_MESH_DATA_DIR: dir, HOME: dir, NODE: process.execPath, PROGRAM }
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const line = (n: number) =>
    JSON.stringify({ time: '2026-01-01T00:00:00.000Z', level: 'info', pid: 1, peer: 'p', event: `${n} ${'é'.repeat(60)}` })
  writeFileSync(join(dir, 'mesh.log'), Array.from({ length: LINES }, (_, n) => `${line(n)}\n`).join(''))
  const { code, out } = await run(['logs', '--json', '-n', String(LINES)], env)
  expect(code).toBe(0)
  expect(out.split('\n')).toHaveLength(LINES + 1)
  const sh = (script: string) => runOther('sh', ['-c', script], env)
  const logs = `"$NODE" "$PROGRAM" logs --json -n ${LINES}`
  // Node makes a pipe not block, and cannot undo it when it is killed.
  const unblock = `"$NODE" -e "process.stdout.write('', () => process.kill(process.pid, 'SIGKILL'))"`
  const [unblocked, filed, cut] = await Promise.all([
    sh(`${unblock}; exec ${logs}`),
    sh(`${logs} > "$HOME/out" && cat "$HOME/out"`),
    sh(`${logs} | head -c 10`),
  ])
  expect(unblocked.out === out).toBe(true)
  expect(filed.out === out).toBe(true)
  expect(cut).toMatchObject({ out: out.slice(0, 10), err: '' })
})
