import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { launchdPlist, settingsOf, systemdUnit } from '../../src/cli/commands/start/service.ts'
import { dataDir, meshEnv, testDir } from '../support/data-dir.ts'
import { run } from '../support/run.ts'

const plain = { node: '/usr/bin/node', program: '/opt/slm-mesh/dist/slm-mesh.js', dataDir: '/home/ada/.slm-mesh', settings: {} }
const HOSTILE = [
  '/a b/c',
  '/quo"te',
  "/it's",
  '/per%cent',
  '/dollar$HOME$$',
  '/back\\slash',
  '/<tag>&amp;',
  '/ünïcödé',
  '/semi;colon #x',
  '/-->',
]

/** The words of a command line in a unit file, as systemd.syntax(7) and systemd.service(5) read them. */
function wordsOf(commandLine: string): string[] {
  const words: string[] = []
  for (const [, quoted = ''] of commandLine.matchAll(/"((?:[^"\\]|\\.)*)"|\S+/g)) words.push(quoted)
  return words.map((word) =>
    word
      .replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex, char) => (hex ? String.fromCharCode(Number.parseInt(hex, 16)) : char))
      .replaceAll('%%', '%')
      .replaceAll('$$', '$'),
  )
}

const execStart = (unit: string) => /^ExecStart=(.*)$/m.exec(unit)?.[1] ?? ''

describe('a systemd unit', () => {
  test('starts this program with this Node on this mesh, and again when it fails', () => {
    const unit = systemdUnit(plain)
    expect(execStart(unit)).toBe('"/usr/bin/node" "/opt/slm-mesh/dist/slm-mesh.js" "start" "--data-dir" "/home/ada/.slm-mesh"')
    expect(unit).toMatch(/^Restart=on-failure$/m)
    expect(unit).toMatch(/^\[Install\]\nWantedBy=default\.target$/m)
  })

  test('means every path as it is, whatever characters are in it', () => {
    for (const path of HOSTILE) {
      const words = wordsOf(execStart(systemdUnit({ ...plain, program: path, dataDir: path })))
      expect(words.slice(1)).toEqual([path, 'start', '--data-dir', path])
    }
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 40 }), (path) => {
        const unit = systemdUnit({ ...plain, dataDir: path })
        expect(wordsOf(execStart(unit)).at(-1)).toBe(path)
        // Nothing in it begins a line of its own.
        expect(unit.split('\n').filter((line) => line.startsWith('ExecStart'))).toHaveLength(1)
      }),
    )
  })

  test('takes a Node whose path systemd would refuse by way of a shell, as one word', () => {
    const words = wordsOf(execStart(systemdUnit({ ...plain, node: "/opt/ada's/node" })))
    expect(words.slice(0, 4)).toEqual(['', '', 'exec "$0" "$@"', "/opt/ada's/node"])
  })
})

describe('a launchd agent', () => {
  interface Parsed {
    ProgramArguments: string[]
    EnvironmentVariables?: Record<string, string>
  }
  /** As Python's own reader of property lists understands them. */
  function parsed(...plists: string[]): Parsed[] {
    const script = 'import json, plistlib, sys; print(json.dumps([plistlib.loads(p.encode()) for p in json.load(sys.stdin)]))'
    const { status, stdout, stderr } = spawnSync('python3', ['-c', script], { input: JSON.stringify(plists), encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    return JSON.parse(stdout)
  }

  test('starts this program with this Node on this mesh', () => {
    const plist = launchdPlist({ ...plain, settings: { SLM_MESH_PORT: '7999' } })
    expect(parsed(plist)).toMatchObject([
      {
        ProgramArguments: [plain.node, plain.program, 'start', '--data-dir', plain.dataDir],
        EnvironmentVariables: { SLM_MESH_PORT: '7999' },
      },
    ])
  })

  test('means every path as it is, and refuses what XML cannot say', () => {
    const paths = [...HOSTILE, '/new\nline', '/tab\t']
    const all = parsed(...paths.map((path) => launchdPlist({ ...plain, node: path, dataDir: path })))
    expect(all.map(({ ProgramArguments }) => ProgramArguments)).toEqual(
      paths.map((path) => [path, plain.program, 'start', '--data-dir', path]),
    )
    for (const path of ['/bell\u0007', '/half\ud800'])
      expect(() => launchdPlist({ ...plain, dataDir: path })).toThrow(/cannot contain/)
  })
})

test('settings that shape the mesh go along; a name, an agent and secrets of others do not', () => {
  expect(
    settingsOf({
      ...{ SLM_MESH_PORT: '8000', SLM_MESH_LEASE_MS: '6000', SLM_MESH_HOST: '::1' },
      ...{ SLM_MESH_NAME: 'x', SLM_MESH_AGENT: 'codex', SLM_MESH_DATA_DIR: '/x', HOME: '/h', TOKEN: 's', SLM_MESH_LOG: 'a b' },
    }),
  ).toEqual({ SLM_MESH_PORT: '8000', SLM_MESH_LEASE_MS: '6000', SLM_MESH_HOST: '::1' })
})

test('start --service prints the file and nothing else, and starts and makes nothing', async () => {
  const dir = dataDir()
  const { code, out, err } = await run(['start', '--service', 'systemd'], { ...meshEnv(dir), HOME: testDir() })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toContain(`"--data-dir" "${dir}"`)
  const launchd = await run(['start', '--service', 'launchd', '--json'], { ...meshEnv(dir), HOME: testDir() })
  expect(JSON.parse(launchd.out)).toMatchObject({ ok: true, system: 'launchd', content: expect.stringContaining('<plist') })
  expect((await run(['status'], { ...meshEnv(dir), HOME: testDir() })).code).toBe(3)
})
