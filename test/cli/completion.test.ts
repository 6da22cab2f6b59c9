import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { scripts } from '../../src/cli/commands/completion/scripts.ts'
import { candidates } from '../../src/cli/complete.ts'
import { buildProgram } from '../../src/cli/main.ts'
import { PROGRAM } from '../support/agent.ts'
import { companion } from '../support/companion.ts'
import { dataDir, meshEnv, testDir } from '../support/data-dir.ts'
import { run } from '../support/run.ts'
import { screenIn } from '../support/shell.ts'

/** What is offered behind these words, by the whole command line, on a mesh with one of everything. */
async function offered(...words: string[]): Promise<string[]> {
  const terminal = { out: () => {}, err: () => {}, isTty: false, colour: false, size: () => ({ columns: 80, rows: 24 }) }
  const invocation = { env: {}, cwd: '/', terminal, input: async () => '', signal: new AbortController().signal, program: '' }
  const { program } = await buildProgram(invocation)
  const live = (source: string) => [{ name: `a live one of ${source}`, about: '' }]
  return candidates(program, words.slice(0, -1), words.at(-1) ?? '', live).map(({ name }) => name)
}

test('commands, their own commands, options, choices, and what there is on the mesh are offered where they belong', async () => {
  expect(await offered('')).toEqual(expect.arrayContaining(['status', 'send', 'state', 'completion', 'help']))
  expect(await offered('state', '')).toEqual(expect.arrayContaining(['get', 'set', 'list', 'delete']))
  expect(await offered('peers', '--')).toEqual(expect.arrayContaining(['--scope', '--all', '--json', '--data-dir']))
  expect(await offered('peers', '--scope', '')).toEqual(['mesh', 'machine', 'directory', 'repo'])
  expect(await offered('peers', '--scope=')).toEqual(['--scope=mesh', '--scope=machine', '--scope=directory', '--scope=repo'])
  expect(await offered('send', '')).toEqual(['a live one of peers'])
  expect(await offered('send', '--type', 'text', '')).toEqual(['a live one of peers'])
  expect(await offered('state', 'get', '')).toEqual(['a live one of keys'])
  expect(await offered('state', 'list', '--namespace', '')).toEqual(['a live one of namespaces'])
  expect(await offered('lock', 'release', '/one', '')).toEqual(['a live one of locks'])
  expect(await offered('completion', '')).toEqual(['bash', 'zsh', 'fish'])
  expect(await offered('--json', '')).toEqual(expect.arrayContaining(['status']))
})

test('where anything may stand, or nothing is known, nothing is offered', async () => {
  expect(await offered('frobnicate', '')).toEqual([])
  expect(await offered('send', 'brave-otter', '')).toEqual([])
  expect(await offered('lock', 'acquire', '')).toEqual([])
})

test('whatever is asked, and wherever, the answer is not an error, and no mesh is made by asking', async () => {
  const dir = dataDir()
  for (const words of [
    [],
    [''],
    ['send', ''],
    ['--', '--', ''],
    ['state', 'get', '--namespace'],
    ['\u0000'.slice(1), '💥', ''],
    ['send', '--data-dir', '/dev/null', ''],
  ]) {
    const { code, err } = await screenIn(dir)(['__complete', '--', ...words], { isTty: false })
    expect({ words, code, err }).toEqual({ words, code: 0, err: '' })
  }
  expect(await run(['__complete', '--', 'send', ''], meshEnv(dir))).toEqual({ code: 0, out: '', err: '' })
  expect((await run(['__complete', '--', 'send', ''], { SLM_MESH_DATA_DIR: dir, SLM_MESH_PORT: 'no port' })).code).toBe(0)
  expect(existsSync(dir)).toBe(false)
})

test('peers, keys and locks of the mesh are offered as they are; names that a terminal would obey are not', async () => {
  await using agent = await companion({ client: 'codex' })
  const name = await agent.name()
  await agent.call('peer.describe', { summary: 'tidying\u001b[2J' })
  await agent.call('state.set', { key: 'plain', value: 'v' })
  await agent.call('state.set', { key: 'tur\u202ened', value: 'v' })
  const lines = async (...words: string[]) => (await run(['__complete', '--', ...words], meshEnv(agent.dir))).out
  expect(await lines('send', '')).toBe(`${name}\tcodex: tidying\\u001b[2J\n`)
  expect(await lines('state', 'get', '')).toBe(`plain\tby ${name}\n`)
})

/** What bash puts in the place of the last word, when Tab is pressed at the end of this line. */
async function tab(line: string, env: Record<string, string>): Promise<string[]> {
  const bin = testDir()
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'slm-mesh'), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`)
  chmodSync(join(bin, 'slm-mesh'), 0o755)
  writeFileSync(join(bin, 'script'), scripts.bash)
  // Bash cuts a line as readline does: at spaces, and at : and = as words of their own.
  const words = line.match(/[:=]+|[^\s:=]+|(?<=\s)$/g) ?? []
  const script = `source '${join(bin, 'script')}'
    COMP_LINE=$1; COMP_POINT=\${#1}; shift
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    compopt() { :; }
    _slm_mesh slm-mesh
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-c', script, 'bash', line, ...words], {
    env: { PATH: `${bin}:${process.env.PATH}`, ...env },
  })
  expect(stderr).toBe('')
  return stdout.split('\n').filter(Boolean)
}

test('bash completes commands, choices, names, and keys with : and = in them, quoted as the shell needs it', async () => {
  await using agent = await companion()
  const env = meshEnv(agent.dir)
  const name = await agent.name()
  for (const key of ['build:status', 'build:time', 'a b', '$(touch /tmp/never)', "it's"])
    await agent.call('state.set', { key, value: 'v' })
  expect((await tab('slm-mesh sta', env)).sort()).toEqual(['start', 'state', 'status'])
  expect(await tab('slm-mesh peers --scope ', env)).toEqual(['mesh', 'machine', 'directory', 'repo'])
  expect(await tab('slm-mesh peers --scope=d', env)).toEqual(['directory'])
  expect(await tab(`slm-mesh send ${name.slice(0, 3)}`, env)).toEqual([name])
  expect((await tab('slm-mesh state get build:', env)).sort()).toEqual(['status', 'time'])
  expect(await tab('slm-mesh state get ', env)).toEqual(
    expect.arrayContaining(['a\\ b', "it\\'s", '\\$\\(touch\\ /tmp/never\\)']),
  )
  expect(existsSync('/tmp/never')).toBe(false)
})

test('the scripts are well-formed, and the command prints them', async () => {
  expect(spawnSync('bash', ['-n'], { input: scripts.bash }).status).toBe(0)
  for (const shell of ['bash', 'zsh', 'fish'] as const)
    expect(await run(['completion', shell])).toEqual({ code: 0, out: `${scripts[shell].trimEnd()}\n`, err: '' })
  expect((await run(['completion', 'tcsh'])).code).toBe(2)
})
