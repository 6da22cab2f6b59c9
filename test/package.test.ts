import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { dataDir, meshEnv, testDir } from './support/data-dir.ts'

/** The package as npm would ship it, unpacked into a project of its own. */

const root = fileURLToPath(new URL('..', import.meta.url))
const run = (cwd: string, command: string, ...args: string[]) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' })

let project: string
let files: string[]

beforeAll(() => {
  project = testDir()
  const [packed] = JSON.parse(run(root, 'npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', project))
  files = packed.files.map((file: { path: string }) => file.path)
  const modules = join(project, 'node_modules')
  mkdirSync(join(modules, '@types'), { recursive: true })
  run(project, 'tar', '-xzf', packed.filename)
  symlinkSync(join(project, 'package'), join(modules, 'slm-mesh'), 'junction')
  // What npm would install beside it.
  mkdirSync(join(project, 'package', 'node_modules'))
  for (const name of ['better-sqlite3', 'zod'])
    symlinkSync(join(root, 'node_modules', name), join(project, 'package', 'node_modules', name), 'junction')
  symlinkSync(join(root, 'node_modules', '@types', 'node'), join(modules, '@types', 'node'), 'junction')
  writeFileSync(join(project, 'package.json'), '{"type":"module"}')
})

test('it ships the program, the library with its types and the licences, and nothing else', () => {
  for (const file of [
    'dist/slm-mesh.js',
    'dist/index.js',
    'dist/types/index.d.ts',
    'dist/THIRD-PARTY-LICENSES.txt',
    'LICENSE',
    'README.md',
  ])
    expect(files).toContain(file)
  expect(files.filter((file) => !/^(dist\/|[A-Z]+(\.md)?$|package\.json$)/.test(file))).toEqual([])
})

test('whoever installs it installs SQLite and zod, and nothing for meshes of several machines', () => {
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(project, 'package', 'package.json'), 'utf8'))
  expect(Object.keys(dependencies).sort()).toEqual(['better-sqlite3', 'zod'])
  expect(optionalDependencies).toBeUndefined()
})

test('without SLM_MESH_URL nothing of NATS is loaded; with it the program needs no other package', () => {
  const program = join(project, 'package', 'dist', 'slm-mesh.js')
  const loaded = join(project, 'loaded.cjs')
  writeFileSync(loaded, `process.on('exit', () => process.stderr.write(Object.keys(require.cache).join('\\n')))`)
  const env = { ...process.env, SLM_MESH_DATA_DIR: join(project, 'none'), SLM_MESH_PORT: '0' }
  const start = (args: string[], more: Record<string, string> = {}) =>
    spawnSync(process.execPath, ['-r', loaded, program, ...args], { encoding: 'utf8', input: '', env: { ...env, ...more } })
  const natsOf = ({ stderr }: { stderr: string }) =>
    stderr.split('\n').filter((path) => path.includes('chunks') && readFileSync(path, 'utf8').includes('$JS.API'))
  for (const args of [['mcp'], ['status'], ['send', 'x', 'y'], ['hook', 'claude-code', 'Stop'], ['state', 'list']]) {
    const ran = start(args)
    expect(ran.stderr).toContain('chunks')
    expect(natsOf(ran)).toEqual([])
  }
  const asked = start(['init'], { SLM_MESH_URL: 'nats://127.0.0.1:1' })
  expect(asked).toMatchObject({ status: 1, stderr: expect.stringContaining('nats://127.0.0.1:1 cannot be reached') })
  // Standard output is the MCP client's, and the library writes to it what it does not expect.
  for (const path of readdirSync(join(project, 'package', 'dist', 'chunks')))
    if (path.startsWith('nats'))
      expect(readFileSync(join(project, 'package', 'dist', 'chunks', path), 'utf8')).not.toMatch(/\bconsole\./)
})

test('no part of the program makes Node keep it in two bytes a character', () => {
  const parts = files.filter((file) => /^dist\/(?!dashboard).*\.js$/.test(file))
  expect(parts.length).toBeGreaterThan(10)
  expect(parts.filter((file) => /[^\0-\xff]/.test(readFileSync(join(project, 'package', file), 'utf8')))).toEqual([])
})

test('the program runs from it', () => {
  const program = join(project, 'package', 'dist', 'slm-mesh.js')
  expect(run(project, process.execPath, program, 'version')).toMatch(/^\d+\.\d+\.\d+\n$/)
})

const compiled = () => join(project, 'package', '.cache', 'compiled')

/** `slm-mesh version` from the package, after a module has been loaded that consists of this text. */
function version(before: string) {
  const first = join(project, 'first.cjs')
  writeFileSync(first, before)
  const program = join(project, 'package', 'dist', 'slm-mesh.js')
  return spawnSync(process.execPath, ['-r', first, program, 'version'], { encoding: 'utf8' })
}

test('what Node has compiled is kept in the package alone, where whoever may write could change the program itself', () => {
  const { stderr, stdout } = version(`require('node:module').enableCompileCache = (dir) => process.stderr.write(dir)`)
  expect(stdout).toMatch(/^\d/)
  expect(stderr).toBe(compiled())
})

describe('on Node 20, which keeps nothing of its own accord', () => {
  const start = () => version(`delete require('node:module').enableCompileCache`)
  const dir = () => join(compiled(), `${process.version}-${process.arch}`)
  const kept = () => readdirSync(dir()).map((name) => ({ name, written: statSync(join(dir(), name)).ino }))

  test('we keep it, and read it again', () => {
    expect(start()).toMatchObject({ status: 0, stderr: '' })
    const first = kept()
    expect(first.map(({ name }) => name.replace(/-.*/, ''))).toContain('cli')
    expect(start()).toMatchObject({ status: 0, stderr: '' })
    expect(kept()).toEqual(first) // V8 took it: what it refuses is written anew
  })

  test.each([
    ['cut off', (file: Buffer) => file.subarray(0, file.length / 2)],
    ['empty', () => Buffer.alloc(0)],
    ['something else', () => Buffer.from('no code')],
    [
      'different in one bit',
      (file: Buffer) => file.fill((file[file.length >> 1] ?? 0) ^ 1, file.length >> 1, (file.length >> 1) + 1),
    ],
  ])('what is %s is refused, and replaced', (_, spoil) => {
    start()
    const path = join(dir(), kept().find(({ name }) => name.startsWith('cli'))?.name ?? '')
    const spoilt = spoil(readFileSync(path))
    writeFileSync(path, spoilt)
    expect(start()).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/^\d/) })
    expect(readFileSync(path).equals(spoilt)).toBe(false)
    expect(statSync(path).size).toBeGreaterThan(1_000)
  })

  test('where nothing can be kept, nothing is', () => {
    rmSync(compiled(), { recursive: true })
    writeFileSync(compiled(), '')
    expect(start()).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/^\d/) })
    rmSync(compiled())
  })
})

test.each(['is not there', 'is none for this Node'])(
  'where the compiled part of SQLite %s, every way in says so in a line, and doctor what to do',
  (how) => {
    const copy = join(testDir(), 'package')
    cpSync(join(project, 'package', 'dist'), join(copy, 'dist'), { recursive: true })
    const library = join(copy, 'node_modules', 'better-sqlite3')
    cpSync(join(root, 'node_modules', 'better-sqlite3', 'package.json'), join(library, 'package.json'))
    mkdirSync(join(library, 'build', 'Release'), { recursive: true })
    if (how !== 'is not there') writeFileSync(join(library, 'build', 'Release', 'better_sqlite3.node'), 'for another machine')
    const env = { ...process.env, ...meshEnv(dataDir()) }
    const start = (args: string[], input = '') =>
      spawnSync(process.execPath, [join(copy, 'dist', 'slm-mesh.js'), ...args], { encoding: 'utf8', input, env })

    const set = start(['state', 'set', 'a', 'b'])
    expect(set.status).toBe(1)
    expect(set.stderr).toMatch(
      /^slm-mesh: better-sqlite3 cannot be used: .*better_sqlite3\.node.* \(slm-mesh doctor says what to do\)\n$/,
    )
    const { status, stdout } = start(['doctor'])
    expect(status).toBe(1)
    expect(stdout).toMatch(/sqlite +better-sqlite3 cannot be used: .*\n.*npm rebuild better-sqlite3/)
    const initialize = {
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'client', version: '1' } },
    }
    const call = { method: 'tools/call', params: { name: 'mesh_status', arguments: {} } }
    const lines = [{ id: 1, ...initialize }, { method: 'notifications/initialized' }, { id: 2, ...call }]
    const told = start(['mcp'], lines.map((line) => `${JSON.stringify({ jsonrpc: '2.0', ...line })}\n`).join(''))
    expect(told.stdout).toContain('better-sqlite3 cannot be used')
    expect(told.stdout).toContain('slm-mesh doctor says what to do')
  },
)

test('a strict TypeScript project compiles against the library, without skipping its declarations, and runs', () => {
  const code = `
    const mesh = await joinMesh({ agentType: 'build-script', env: { SLM_MESH_DATA_DIR: ${JSON.stringify(join(project, 'mesh'))}, SLM_MESH_PORT: '0' } })
    const { lock } = await mesh.call('lock.acquire', { filePath: 'dist', reason: 'building' })
    if (lock === undefined || lock.token < 1) throw new Error('no lock')
    try {
      await mesh.call('state.get', { key: 'x' })
    } catch (error) {
      if (error instanceof MeshError) console.log(error.code)
    }
    await mesh.leave()
  `
  writeFileSync(join(project, 'use.js'), `import { joinMesh, MeshError } from 'slm-mesh'\n${code}`)
  writeFileSync(
    join(project, 'use.ts'),
    `import { joinMesh, MeshError, type Mesh } from 'slm-mesh'\n${code}
    // @ts-expect-error there is no such operation
    export const wrong = (peer: Mesh) => peer.call('lock.steal', {})`,
  )
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    strict: true,
    noEmit: true,
    types: ['node'],
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['use.ts'] }))
  expect(run(project, process.execPath, join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.')).toBe('')
  expect(run(project, process.execPath, 'use.js')).toBe('not_found\n')
})
