import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { boundByModes } from '../support/bound-by-modes.ts'
import { companion, companions } from '../support/companion.ts'
import { dataDir, meshEnv, testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { inFile, leaderRow } from '../support/mesh-file.ts'
import { run } from '../support/run.ts'
import { Sqlite } from '../support/sqlite.ts'
import { suspend } from '../support/suspend.ts'

const program = (name: string) => fileURLToPath(new URL(`../programs/${name}.mjs`, import.meta.url))

interface Finding {
  check: string
  status: 'ok' | 'warn' | 'fail' | 'unknown'
  found: string
  fix?: string
}

/** What doctor says of that mesh, each check by its name; those that find several things, the first. */
async function doctor(dir: string, env: Record<string, string> = {}, command?: readonly string[]) {
  const home = testDir()
  const { code, out, err } = await run(
    ['doctor', '--json'],
    { HOME: home, ...meshEnv(dir), ...env },
    command === undefined ? {} : { command },
  )
  expect(err).toBe('')
  const { findings, healthy } = JSON.parse(out) as { findings: Finding[]; healthy: boolean }
  expect(code).toBe(findings.some(({ status }) => status === 'fail') ? 1 : 0)
  expect(healthy).toBe(code === 0)
  const by = (name: string) => findings.find(({ check }) => check === name) ?? expect.fail(`no check is called ${name}`)
  return { code, findings, by }
}

async function usedDir(): Promise<string> {
  await using agent = await companion()
  return agent.dir
}

test('with no mesh yet it says so, checks what can be checked, and creates nothing', async () => {
  const dir = dataDir()
  const { code, findings, by } = await doctor(dir)
  expect(code).toBe(0)
  expect(by('directory').found).toContain('no mesh yet')
  for (const name of ['node', 'sqlite', 'disk', 'sockets']) expect(by(name).status).toBe('ok')
  expect(findings.filter(({ status }) => status === 'fail')).toEqual([])
  expect(existsSync(dir)).toBe(false)
})

/** A leader has written all its files: its port's comes last. */
const isServing = (dir: string) => leaderRow(dir).port !== null && existsSync(join(dir, 'port'))

test('a mesh at work is healthy, and looking at it changes no file', async () => {
  await using mesh = await companions(2)
  await eventually(() => isServing(mesh.dir))
  const before = readdirSync(mesh.dir).sort()
  const { by } = await doctor(mesh.dir)
  expect(by('database')).toMatchObject({ status: 'ok', found: expect.stringContaining('whole') })
  expect(by('write lock').status).toBe('ok')
  expect(by('peers')).toMatchObject({ status: 'ok', found: '2 here, and all answer' })
  expect(by('leftovers').status).toBe('ok')
  expect(by('leader').found).toContain(`pid ${leaderRow(mesh.dir).pid}`)
  expect(readdirSync(mesh.dir).sort()).toEqual(before)
})

test('a process that is stopped inside a transaction is named, with the command that lets it go on; after it all is well', async () => {
  const dir = await usedDir()
  const holder = spawn(process.execPath, [program('stop-inside-a-transaction'), join(dir, 'mesh.db')], { stdio: 'ignore' })
  onTestFinished(() => void holder.kill('SIGKILL'))
  const ended = new Promise((resolve) => holder.once('close', resolve))
  await eventually(() => /^\d+ \(.*\) T /.test(readFileSync(`/proc/${holder.pid}/stat`, 'utf8')))

  const { code, by } = await doctor(dir)
  expect(code).toBe(1)
  expect(by('write lock')).toEqual({
    ...{ check: 'write lock', status: 'fail', fix: `kill -CONT ${holder.pid}` },
    found: `kept by process ${holder.pid}, which is stopped in the middle of a write`,
  })
  process.kill(holder.pid ?? 0, 'SIGCONT')
  await ended
  expect((await doctor(dir)).by('write lock').status).toBe('ok')
})

test('a leader and a peer that are stopped are named with their fix', async () => {
  await using agent = await Agent.start()
  await suspend(agent)
  const { code, by } = await doctor(agent.dir)
  expect(code).toBe(1)
  expect(by('leader')).toMatchObject({
    ...{ status: 'fail', fix: `kill -CONT ${agent.pid}` },
    found: expect.stringMatching(new RegExp(`pid ${agent.pid}.*is stopped.*no sign for \\d+ s`)),
  })
  expect(by('peers')).toMatchObject({ status: 'warn', found: expect.stringContaining(`pid ${agent.pid}) is stopped`) })
})

test('what the dead left is counted, and left for clean to remove', async () => {
  const agent = await Agent.start()
  const { dir } = agent
  await eventually(() => isServing(dir))
  await agent.kill()
  const { code, by } = await doctor(dir)
  expect(code).toBe(0)
  expect(by('leftovers')).toMatchObject({
    ...{ status: 'warn', fix: 'slm-mesh clean' },
    found: '1 dead peer, 1 dead claim to lead, 1 old lock directory, 1 stale socket',
  })
  expect(by('peers')).toMatchObject({ status: 'warn', fix: 'slm-mesh clean' })
  expect(by('leader')).toMatchObject({ status: 'ok', found: expect.stringContaining('led last') })
  expect(inFile(dir, (file) => file.prepare('SELECT live FROM peers WHERE pid = ?').get(agent.pid))).toEqual({ live: 1 })
})

test('a damaged database is found, and so is one that is no database at all', async () => {
  const dir = await usedDir()
  const path = join(dir, 'mesh.db')
  const file = new Sqlite(path)
  for (let i = 0; i < 200; i++)
    file.prepare(`INSERT INTO state VALUES ('default', ?, ?, 1, 'x', 'x', 1)`).run(`key ${i}`, 'v'.repeat(500))
  file.pragma('wal_checkpoint(TRUNCATE)')
  file.close()
  const content = readFileSync(path)
  content.fill(0x5a, 20 * 4096, 30 * 4096)
  writeFileSync(path, content)
  const damaged = await doctor(dir)
  expect(damaged.by('database')).toMatchObject({ status: 'fail', found: expect.stringContaining('damaged') })
  expect(damaged.by('database').fix).toContain('aside')

  writeFileSync(path, 'this is no database, and never was one; it is only some text'.repeat(200))
  const none = await doctor(dir)
  expect(none.by('database')).toMatchObject({ status: 'fail', found: expect.stringContaining('damaged') })
  expect(none.by('sqlite').status).toBe('ok')
  expect(readFileSync(path, 'utf8')).toContain('never was one')
})

test('a newer schema is told from one that this program must not write to', async () => {
  const dir = await usedDir()
  inFile(dir, (file) => file.pragma('user_version = 90'))
  expect((await doctor(dir)).by('database')).toMatchObject({ status: 'ok', found: expect.stringContaining('schema 90') })
  inFile(dir, (file) => file.prepare(`UPDATE meta SET value = '90' WHERE key = 'min_writer'`).run())
  const { code, by } = await doctor(dir)
  expect(code).toBe(1)
  expect(by('database')).toMatchObject({ status: 'fail', fix: expect.stringContaining('newer') })
  expect(inFile(dir, (file) => file.pragma('user_version', { simple: true }))).toBe(90)
})

test('a WAL that nobody empties is told of', async () => {
  const dir = await usedDir()
  const [reader, writer] = [new Sqlite(join(dir, 'mesh.db')), new Sqlite(join(dir, 'mesh.db'))]
  onTestFinished(() => {
    reader.close()
    writer.close()
  })
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM state').get()
  const insert = writer.prepare(`INSERT OR REPLACE INTO state VALUES ('default', ?, ?, 1, 'x', 'x', 1)`)
  for (let i = 0; i < 40; i++) insert.run(`key ${i % 4}`, 'v'.repeat(1024 * 1024))
  expect((await doctor(dir)).by('database')).toMatchObject({
    status: 'warn',
    found: expect.stringMatching(/WAL has grown to \d+ MiB/),
  })
})

test('a database that cannot be written is not opened, and its fix is named', async () => {
  const dir = await usedDir()
  const path = join(dir, 'mesh.db')
  chmodSync(path, 0o400)
  onTestFinished(() => chmodSync(path, 0o600))
  const before = readdirSync(dir).sort()
  const { code, by } = await doctor(dir, {}, boundByModes())
  expect(code).toBe(1)
  expect(by('files')).toMatchObject({ status: 'fail', fix: `chmod 600 '${path}'` })
  expect(by('database')).toMatchObject({ status: 'unknown' })
  expect(readdirSync(dir).sort()).toEqual(before)
})

test('modes, links and second names are found', async () => {
  const dir = await usedDir()
  const path = join(dir, 'mesh.db')
  chmodSync(dir, 0o755)
  chmodSync(path, 0o644)
  const open = await doctor(dir)
  expect(open.by('directory')).toMatchObject({ status: 'warn', fix: `chmod 700 '${dir}'` })
  expect(open.by('files')).toMatchObject({ status: 'warn', fix: `chmod 600 '${path}'` })

  linkSync(path, join(dir, 'second'))
  expect((await doctor(dir)).by('files')).toMatchObject({ status: 'fail', found: expect.stringContaining('second name') })

  const link = join(testDir(), 'link')
  symlinkSync(dir, link)
  expect((await doctor(link)).by('directory')).toMatchObject({ status: 'fail', found: expect.stringContaining('symbolic link') })

  const shared = testDir()
  chmodSync(shared, 0o777)
  expect((await doctor(shared)).by('directory')).toMatchObject({
    status: 'fail',
    found: expect.stringContaining('others may write'),
  })
})

test('a stranger on the home port is told of, and errors of the log are counted', async () => {
  const dir = await usedDir()
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await eventually(() => server.listening)
  const { port } = server.address() as { port: number } // it listens on TCP
  const error = { time: new Date().toISOString(), level: 'error', event: 'boom \u001b[31m' }
  writeFileSync(join(dir, 'mesh.log'), `${JSON.stringify(error)}\n`)
  const { by } = await doctor(dir, { SLM_MESH_PORT: String(port) })
  expect(by('port')).toMatchObject({ status: 'warn', found: expect.stringContaining(`another program holds ${port}`) })
  expect(by('log')).toMatchObject({ status: 'warn', found: expect.stringContaining('1 error in the last 24 h') })

  const text = await run(['doctor'], { HOME: testDir(), ...meshEnv(dir) })
  expect(text.code).toBe(0)
  expect(text.out).not.toContain('\u001b')
  expect(text.out).toContain('boom \\u001b[31m')
})

test('agents are looked at: whether they know us, whether it would start, and whether their files can be read at all', async () => {
  const home = testDir()
  const bin = join(home, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'npx'), '#!/bin/sh\n', { mode: 0o755 })
  const put = (path: string, content: string) => {
    mkdirSync(dirname(join(home, path)), { recursive: true })
    writeFileSync(join(home, path), content)
  }
  const server = { command: 'npx', args: ['-y', 'slm-mesh'] }
  put('.claude.json', JSON.stringify({ mcpServers: { 'slm-mesh': server } }))
  put('.cursor/mcp.json', JSON.stringify({ mcpServers: { other: { command: 'npx' }, 'slm-mesh': { command: 'gone-program' } } }))
  put('.codex/config.toml', '# mine\n[mcp_servers.slm-mesh]\ncommand = "node"\nargs = ["/nowhere/slm-mesh.js"]\n')
  put('.gemini/settings.json', '{ "mcpServers": { "slm-mesh": ')
  put(
    '.config/zed/settings.json',
    '// a comment\n{ "context_servers": { "slm-mesh": { "command": "npx", "args": ["slm-mesh"], }, } }',
  )
  put('.codeium/windsurf/mcp_config.json', JSON.stringify({ mcpServers: { 'slm-mesh': { ...server, disabled: true } } }))
  put('.config/goose/config.yaml', 'extensions:\n  slm-mesh:\n    cmd: npx\n')
  put('.copilot/config.json', '{}')
  const before = readdirSync(home, { recursive: true }).sort()
  const { by, findings } = await doctor(dataDir(), { HOME: home, PATH: bin })
  const agent = (name: string) => by(`agent: ${name}`)
  expect(agent('claude-code')).toMatchObject({ status: 'warn', fix: 'slm-mesh setup claude-code' })
  expect(agent('claude-code').found).toMatch(/^starts npx -y slm-mesh; no hooks: mail waits/)
  expect(agent('cursor')).toMatchObject({ status: 'fail', found: expect.stringContaining('gone-program cannot be found') })
  expect(agent('codex')).toMatchObject({ status: 'fail', fix: `correct its command in ${join(home, '.codex', 'config.toml')}` })
  expect(agent('gemini-cli')).toMatchObject({ status: 'warn', found: expect.stringContaining('cannot be read') })
  expect(agent('zed')).toMatchObject({ status: 'ok', found: expect.stringContaining('it has no hooks') })
  expect(agent('windsurf')).toMatchObject({ status: 'warn', found: expect.stringContaining('switched off') })
  expect(agent('goose').status).toBe('ok')
  expect(agent('copilot-cli')).toMatchObject({
    status: 'warn',
    found: 'slm-mesh is not registered',
    fix: 'slm-mesh setup copilot-cli',
  })
  expect(findings.some(({ check }) => check === 'agent: opencode')).toBe(false)
  expect(readdirSync(home, { recursive: true }).sort()).toEqual(before)
})

test('of an agent that has been set up, the routes by which mail reaches it are told, and what keeps one from working', async () => {
  const home = testDir()
  const dir = dataDir()
  const env = { HOME: home, PATH: dirname(process.execPath) }
  await run(['setup', 'claude-code', 'codex', 'antigravity', '--yes'], { ...meshEnv(dir), ...env })
  const first = await doctor(dir, env)
  expect(first.by('agent: claude-code')).toMatchObject({
    status: 'ok',
    found: expect.stringMatching(/hooks on SessionStart, .*Stop; an idle session is woken by one of them$/),
  })
  expect(first.by('agent: antigravity')).toMatchObject({
    status: 'ok',
    found: expect.stringMatching(/hooks on PreInvocation, .*; an idle session is not woken$/),
  })
  expect(first.by('agent: codex')).toMatchObject({ status: 'warn', fix: 'type /hooks in Codex and trust those of slm-mesh' })

  const state = `\n[hooks.state."${join(home, '.codex', 'hooks.json')}:stop:0:0"]\ntrusted_hash = "sha256:00"\n`
  writeFileSync(join(home, '.codex', 'config.toml'), state, { flag: 'a' })
  writeFileSync(join(home, '.claude', 'settings.json'), '{ "hooks": ')
  const then = await doctor(dir, env)
  expect(then.by('agent: codex')).toMatchObject({ status: 'ok', found: expect.stringContaining('woken by codex queue') })
  expect(then.by('agent: claude-code')).toMatchObject({ status: 'warn', fix: 'mend that file' })

  writeFileSync(join(home, '.claude.json'), '{}')
  writeFileSync(join(home, '.claude', 'settings.json'), '{ "enabledPlugins": { "slm-mesh@slm-mesh": true } }')
  expect((await doctor(dir, env)).by('agent: claude-code')).toMatchObject({
    status: 'ok',
    found: 'the plugin brings server and hooks',
  })
})

test('a configuration that is a pipe, or a directory, holds nothing up', async () => {
  const home = testDir()
  mkdirSync(join(home, '.cursor'))
  spawnSync('sh', ['-c', 'mkfifo "$0"', join(home, '.cursor', 'mcp.json')])
  mkdirSync(join(home, '.claude.json'))
  const { by } = await doctor(dataDir(), { HOME: home })
  expect(by('agent: cursor')).toMatchObject({ status: 'warn', found: 'slm-mesh is not registered' })
})
