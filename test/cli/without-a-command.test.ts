import { expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { Agent } from '../support/agent.ts'
import { companion } from '../support/companion.ts'
import { dataDir, meshEnv } from '../support/data-dir.ts'

/** The command line at a person's terminal of that width: what it wrote. */
async function atTerminal(args: readonly string[], env: Record<string, string>, columns = 80) {
  let [out, err] = ['', '']
  const code = await main(args, {
    env,
    cwd: '/',
    program: '',
    input: async () => '',
    signal: new AbortController().signal,
    terminal: {
      out: (text) => {
        out += text
      },
      err: (text) => {
        err += text
      },
      isTty: true,
      colour: false,
      size: () => ({ columns, rows: 24 }),
    },
  })
  return { code, out, err }
}

test('at a terminal, no command shows the status and then the help', async () => {
  await using agent = await companion()
  const { code, out } = await atTerminal([], meshEnv(agent.dir))
  expect(code).toBe(0)
  expect(out.indexOf('1 active')).toBeGreaterThan(-1)
  expect(out.indexOf('Usage: slm-mesh')).toBeGreaterThan(out.indexOf('1 active'))
})

test('without a mesh it says so, and shows the help all the same', async () => {
  const { code, out, err } = await atTerminal([], meshEnv(dataDir()))
  expect({ code, err: err.includes('no mesh yet') }).toEqual({ code: 0, err: true })
  expect(out).toContain('Usage: slm-mesh')
})

test('status, doctor and clean fit 80 columns, but for what is there to be copied', async () => {
  const agent = await Agent.start()
  await agent.kill()
  for (const command of ['doctor', 'clean', 'status']) {
    const { out } = await atTerminal([command], meshEnv(agent.dir))
    const tooLong = out.split('\n').filter((line) => line.length > 80 && /\S\s+\S/.test(line.slice(26)))
    expect(tooLong).toEqual([])
  }
})
