import { expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { run } from '../support/run.ts'

test('an unknown command or option is a line on stderr and exit code 2', async () => {
  for (const args of [['frobnicate'], ['demo', '--frobnicate']]) {
    const { code, out, err } = await run(args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(/frobnicate/)
  }
})

test('version and --version print the version of package.json', async () => {
  for (const args of [['version'], ['--version']])
    expect(await run(args)).toEqual({ code: 0, out: `${manifest.version}\n`, err: '' })
})

test('help names every command', async () => {
  const { code, out } = await run(['--help'])
  expect(code).toBe(0)
  for (const command of ['mcp', 'demo', 'version']) expect(out).toContain(command)
})
