import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import { agents } from '../../src/cli/setup/agents.ts'
import { PROGRAM } from '../support/agent.ts'
import { testDir } from '../support/data-dir.ts'
import { run } from '../support/run.ts'
import { HOSTILE, OBEYED, screenIn } from '../support/shell.ts'
import { treeOf } from '../support/tree.ts'

/** A home with nothing in it, a project, and what is said there. */
function world(path = '/nowhere') {
  const dir = realpathSync(testDir())
  const [home, project, mesh] = [join(dir, 'home'), join(dir, 'project'), join(dir, 'mesh')]
  mkdirSync(home)
  mkdirSync(project)
  const env = { HOME: home, PATH: path }
  const at = (name: string) => (name.startsWith('/') ? name : join(home, name))
  return {
    ...{ dir, home, project, mesh, env },
    put(name: string, content: string | object, mode = 0o600) {
      mkdirSync(dirname(at(name)), { recursive: true })
      writeFileSync(at(name), typeof content === 'string' ? content : JSON.stringify(content, null, 2), { mode })
    },
    read: (name: string) => readFileSync(at(name), 'utf8'),
    json: (name: string) => JSON.parse(readFileSync(at(name), 'utf8')),
    tree: () => treeOf(home),
    /** The built program, with no terminal. */
    shell: (...args: string[]) =>
      run(['setup', ...args], { ...env, SLM_MESH_DATA_DIR: mesh }, { cwd: project, command: [process.execPath] }),
    /** In this process; with a key, a person is there to press it. */
    screen: (args: string[], key?: string | string[]) =>
      screenIn(mesh)(['setup', ...args], { cwd: project, env, ...(key !== undefined ? { key } : { isTty: false }) }),
  }
}

const everywhere = agents.filter(({ servers }) => servers.format !== 'yaml').map(({ name }) => name)

test('all agents at once: set up, set up again, and taken out, with every file and directory as before', async () => {
  const { shell, tree, put, json, read, mesh } = world()
  put('.claude.json', '{"numStartups":4,"projects":{}}')
  put('.claude/settings.json', '{\n  // mine\n  "permissions": { "allow": ["Bash(ls)"] },\n}')
  put('.codex/config.toml', 'model = "gpt-5"\r\n')
  put('.cursor/mcp.json', '\uFEFF{}')
  put('.gemini/settings.json', '')
  const before = tree()

  const first = await shell(...everywhere, '--yes')
  expect(first).toMatchObject({ code: 0, err: '' })
  const done = tree()
  const servers = json('.claude.json').mcpServers
  expect(servers).toEqual({ 'slm-mesh': { type: 'stdio', command: 'node', args: [PROGRAM, 'mcp'], alwaysLoad: true } })
  expect(parseToml(read('.codex/config.toml'))).toMatchObject({
    mcp_servers: { 'slm-mesh': { env: { SLM_MESH_AGENT: 'codex' } } },
  })
  expect(read('.claude/settings.json')).toContain('// mine\n  "permissions": { "allow": ["Bash(ls)"] },\n')
  expect(json('.config/Code/User/mcp.json').servers['slm-mesh'].type).toBe('stdio')
  expect(json('.config/opencode/opencode.json').mcp['slm-mesh'].command).toEqual(['node', PROGRAM, 'mcp'])
  expect(json('.config/zed/settings.json').context_servers['slm-mesh'].source).toBe('custom')
  expect(json('.copilot/mcp-config.json').mcpServers['slm-mesh'].tools).toEqual(['*'])
  expect(json('.gemini/settings.json').hooks.BeforeTool[0].hooks[0].timeout).toBe(10_000)
  expect(json('.gemini/config/hooks.json')['slm-mesh'].Stop[0].command).toBe(`node ${PROGRAM} hook antigravity Stop`)

  const second = await shell(...everywhere, '--yes', '--json')
  expect(JSON.parse(second.out).agents.map(({ status }: { status: string }) => status)).toEqual(everywhere.map(() => 'unchanged'))
  expect(tree()).toEqual(done)

  expect(await shell('--remove', '--yes')).toMatchObject({ code: 0, err: '', out: expect.stringContaining('Done.') })
  expect(tree()).toEqual(before)
  expect(existsSync(mesh)).toBe(false)
  expect(await shell('--remove', '--yes')).toMatchObject({ code: 0, out: 'Nothing of slm-mesh was found.\n' })
})

test('only agents that are there are set up, by their directory, their file or their program; none at all is said', async () => {
  const { screen, put, home, tree } = world()
  expect(await screen(['--yes'])).toMatchObject({ code: 3, out: expect.stringContaining('No agent that we know') })
  expect(tree()).toEqual({})
  const w = world(join(home, 'bin'))
  put('bin/opencode', '#!/bin/sh\n', 0o755)
  w.put('.cursor/mcp.json', {})
  mkdirSync(join(w.home, '.codex'))
  const { agents: found } = JSON.parse((await w.screen(['--dry-run', '--json'])).out)
  expect(found.map(({ agent }: { agent: string }) => agent)).toEqual(['codex', 'cursor', 'opencode'])
})

test('what set-up makes for one agent does not make another one appear', async () => {
  const { screen } = world()
  await screen(['vscode', 'antigravity', '--yes'])
  const { agents: found } = JSON.parse((await screen(['--dry-run', '--json'])).out)
  expect(found.map(({ agent, status }: Record<string, string>) => [agent, status])).toEqual([
    ['vscode', 'unchanged'],
    ['antigravity', 'unchanged'],
  ])
})

describe('asking', () => {
  test('with nobody to ask, it shows what it would write, writes nothing, and says what to say', async () => {
    const { screen, put, tree } = world()
    put('.cursor/mcp.json', '{\n  "a": 1\n}\n')
    const before = tree()
    const unasked = await screen([])
    expect(unasked).toMatchObject({
      code: 2,
      err: 'slm-mesh: nothing was written: nobody can be asked here, and --yes says yes\n',
    })
    // How many lines the entry takes depends on how long the program's path is.
    expect(unasked.out).toMatch(/^@@ -1,3 \+1,\d+ @@\n \{\n- {2}"a": 1\n\+ {2}"a": 1,\n\+ {2}"mcpServers": \{\n/m)
    const document = JSON.parse((await screen(['--json'])).out)
    expect(document).toMatchObject({ ok: false, agents: [{ agent: 'cursor', status: 'planned' }] })
    expect(document.agents[0].files[0]).toMatchObject({ change: 'changed', diff: expect.stringMatching(/^--- .*\n\+\+\+ /) })
    expect(await screen(['--dry-run'])).toMatchObject({ code: 0, err: '', out: expect.stringContaining('would be set up') })
    expect(tree()).toEqual(before)
  })

  test('at a terminal each agent is shown and asked for; a no leaves it, and Ctrl-C ends it all', async () => {
    const { screen, put, json, tree } = world()
    for (const name of ['.cursor/mcp.json', '.claude.json', '.gemini/settings.json']) put(name, {})
    const before = tree()
    const mixed = await screen([], ['n', 'y', 'n'])
    expect(mixed.code).toBe(0)
    expect(mixed.err).toBe('Set up Claude Code? [y/N] no\nSet up Cursor? [y/N] yes\nSet up Gemini CLI? [y/N] no\n')
    expect(mixed.out).toContain('✓ Cursor set up')
    expect(json('.cursor/mcp.json').mcpServers['slm-mesh']).toBeDefined()
    expect(json('.claude.json')).toEqual({})

    expect(await screen(['--remove'], 'y')).toMatchObject({ code: 0, err: 'Take slm-mesh out of Cursor? [y/N] yes\n' })
    expect(tree()).toEqual(before)
    expect(await screen([], '\u0003')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^Set up Claude Code\? .*\^C\n.*cancelled\n$/),
    })
    expect(tree()).toEqual(before)
  })

  test('words that do not go together, or name nothing, are refused', async () => {
    const { screen } = world()
    for (const args of [['emacs'], ['--remove', '--guard'], ['codex', '--yes', '--command', 'node x.js'], ['--command', ' ']])
      expect((await screen(args)).code).toBe(2)
  })
})

describe('a file that cannot be edited safely', () => {
  test('is refused with its path and line, left as it is, and the other agents are set up', async () => {
    const { screen, put, json, read, home } = world()
    put('.cursor/mcp.json', '{\n  "mcpServers": {\n    "a": oops\n  }\n}\n')
    put('.codex/config.toml', 'a = 1\nb = = 2\n')
    put('.gemini/settings.json', {})
    const { code, err, out } = await screen(['--yes'])
    expect(code).toBe(1)
    expect(err).toContain(`slm-mesh: ${home}/.cursor/mcp.json, line 3: `)
    expect(err).toContain(`slm-mesh: ${home}/.codex/config.toml, line 2: `)
    expect(out).toContain('✗ Cursor not set up, or not all of it')
    expect(read('.cursor/mcp.json')).toContain('oops')
    expect(json('.gemini/settings.json').mcpServers['slm-mesh']).toBeDefined()
    expect((await screen(['--remove', '--yes'])).code).toBe(1)
    expect(json('.gemini/settings.json')).toEqual({})
  })

  test.each([
    ['no object', '[1]'],
    ['a list where servers should be', '{ "mcpServers": [] }'],
    ['a key twice', '{ "mcpServers": { "a": {} }, "mcpServers": 1 }'],
    ['two documents', '{} {}'],
    ['no UTF-8', '\u0000\uFFFF'],
  ])('%s', async (about, text) => {
    const { screen, put, home, tree } = world()
    put('.cursor/mcp.json', text)
    if (about === 'no UTF-8') writeFileSync(join(home, '.cursor/mcp.json'), Buffer.from([0x7b, 0xff, 0x7d]))
    const before = tree()['.cursor/mcp.json']
    expect(await screen(['cursor', '--yes', '--no-hooks'])).toMatchObject({
      code: 1,
      err: expect.stringContaining(`${home}/.cursor/mcp.json`),
    })
    expect(tree()['.cursor/mcp.json']).toBe(before)
  })

  test('names in it that a terminal would obey are shown, not obeyed', async () => {
    const { screen, put } = world()
    put('.cursor/mcp.json', { [HOSTILE]: HOSTILE })
    expect((await screen(['--dry-run'])).out).not.toMatch(OBEYED)
  })
})

test('a link to a file is followed, and stays a link; modes stay, and what is new is the user’s alone', async () => {
  const { screen, put, home, tree, dir } = world()
  put(join(dir, 'dotfiles/cursor.json'), '{}', 0o640)
  chmodSync(join(dir, 'dotfiles/cursor.json'), 0o640)
  mkdirSync(join(home, '.cursor'))
  symlinkSync('../../dotfiles/cursor.json', join(home, '.cursor/mcp.json'))
  symlinkSync(join(dir, 'dotfiles/not/yet.json'), join(home, '.cursor/hooks.json'))
  const before = [tree(), treeOf(join(dir, 'dotfiles'))]
  expect((await screen(['cursor', '--yes'])).code).toBe(0)
  expect(tree()['.cursor/mcp.json']).toBe(before[0]?.['.cursor/mcp.json'])
  expect(tree()['.cursor/hooks.json']).toBe(before[0]?.['.cursor/hooks.json'])
  expect(JSON.parse(readFileSync(join(dir, 'dotfiles/cursor.json'), 'utf8')).mcpServers).toBeDefined()
  expect(statSync(join(dir, 'dotfiles/cursor.json')).mode & 0o777).toBe(0o640)
  expect(statSync(join(dir, 'dotfiles/not/yet.json')).mode & 0o777).toBe(0o600)
  expect((await screen(['cursor', '--remove', '--yes'])).code).toBe(0)
  expect([tree(), treeOf(join(dir, 'dotfiles'))]).toEqual(before)
})

test('what others write between set-up and removal stays, and only ours goes', async () => {
  const { screen, put, json, read } = world()
  put('.claude.json', '{\n  "numStartups": 1\n}\n')
  put('.codex/config.toml', 'model = "a"\n')
  await screen(['claude-code', 'codex', '--yes'])
  // As the agents themselves do.
  const claude = json('.claude.json')
  put('.claude.json', { ...claude, numStartups: 2, mcpServers: { ...claude.mcpServers, other: { command: 'x' } } })
  const settings = json('.claude/settings.json')
  settings.hooks.Stop[0].hooks.push({ type: 'command', command: 'theirs' })
  put('.claude/settings.json', settings)
  put('.codex/config.toml', `${read('.codex/config.toml')}\n[mcp_servers.other] # theirs\ncommand = "x"\n`)
  // Set up anew in between: the way back is still known.
  await screen(['claude-code', 'codex', '--yes', '--auto-lock'])
  await screen(['--remove', '--yes'])
  expect(json('.claude.json')).toEqual({ numStartups: 2, mcpServers: { other: { command: 'x' } } })
  expect(json('.claude/settings.json')).toEqual({ hooks: { Stop: [{ hooks: [{ type: 'command', command: 'theirs' }] }] } })
  expect(read('.codex/config.toml')).toBe('model = "a"\n\n[mcp_servers.other] # theirs\ncommand = "x"\n')
})

test('an entry that was there before is brought up to date, comes back with removal, and goes with a second one', async () => {
  const { screen, put, json, tree } = world()
  const old = { mcpServers: { 'slm-mesh': { command: 'slm-mesh', env: { SLM_MESH_NAME: 'ada' } } } }
  put('.cursor/mcp.json', old)
  await screen(['cursor', '--yes'])
  expect(json('.cursor/mcp.json').mcpServers['slm-mesh']).toEqual({
    ...{ command: 'node', args: [PROGRAM, 'mcp'], env: { SLM_MESH_NAME: 'ada' } },
  })
  const removed = await screen(['--remove', '--yes'])
  expect(removed.out).toContain('was in')
  expect(json('.cursor/mcp.json')).toEqual(old)
  await screen(['--remove', '--yes'])
  expect(tree()['.cursor/mcp.json']).toBeUndefined()
  expect((await screen(['--remove', '--yes'])).out).toBe('Nothing of slm-mesh was found.\n')
})

test('options choose the hooks: none, those that lock, and a guard that fails closed', async () => {
  const { screen, json, tree } = world()
  const before = tree()
  const guardOf = (settings: { hooks: Record<string, { hooks: object[] }[]> }) => settings.hooks.PreToolUse?.[0]?.hooks
  const start = ['--command', '/opt/slm-mesh/bin/start "with space"']
  await screen(['claude-code', 'cursor', '--yes', '--guard', '--auto-lock', ...start])
  expect(guardOf(json('.claude/settings.json'))).toEqual([
    {
      type: 'command',
      command: `/opt/slm-mesh/bin/start 'with space' hook claude-code PreToolUse --auto-lock --fail-closed || exit 2`,
      timeout: 10,
    },
  ])
  expect(json('.cursor/hooks.json').hooks.preToolUse[0].command).toContain('--auto-lock --fail-closed')
  expect(json('.claude.json').mcpServers['slm-mesh']).toMatchObject({
    command: '/opt/slm-mesh/bin/start',
    args: ['with space', 'mcp'],
  })

  await screen(['claude-code', '--yes', '--auto-lock'])
  expect(guardOf(json('.claude/settings.json'))).toMatchObject([
    { type: 'mcp_tool', server: 'slm-mesh', input: { lock: 'auto' } },
  ])
  await screen(['claude-code', '--yes', '--no-hooks'])
  expect(json('.claude/settings.json')).toEqual({})
  expect(json('.claude.json').mcpServers['slm-mesh'].command).toBe('node')
  await screen(['--remove', '--yes'])
  expect(tree()).toEqual(before)
})

test('--project writes into the project, readable for those who share it, and leaves the home alone', async () => {
  const { screen, project, tree } = world()
  const [home, before] = [tree(), treeOf(project)]
  expect((await screen(['claude-code', 'vscode', 'codex', '--project', '--yes'])).code).toBe(0)
  const files = treeOf(project)
  expect(Object.keys(files).filter((name) => !files[name]?.endsWith('directory'))).toEqual([
    ...['.claude/settings.json', '.codex/config.toml', '.codex/hooks.json', '.github/hooks/slm-mesh-vscode.json'],
    ...['.mcp.json', '.vscode/mcp.json'],
  ])
  expect(statSync(join(project, '.mcp.json')).mode & 0o777).toBe(0o644)
  await screen(['--remove', '--yes'])
  expect(treeOf(project)).toEqual(files)
  await screen(['--remove', '--project', '--yes'])
  expect([tree(), treeOf(project)]).toEqual([home, before])
})

test('the agents’ own variables say where they keep their files', async () => {
  const { dir, home, mesh, project } = world()
  const env = {
    CLAUDE_CONFIG_DIR: join(dir, 'cc'),
    CODEX_HOME: join(dir, 'cx'),
    XDG_CONFIG_HOME: join(dir, 'xdg'),
    HOME: home,
    PATH: '',
  }
  await screenIn(mesh)(['setup', 'claude-code', 'codex', 'zed', '--yes'], { env, cwd: project, isTty: false })
  for (const file of ['cc/.claude.json', 'cc/settings.json', 'cx/config.toml', 'cx/hooks.json', 'xdg/zed/settings.json'])
    expect(existsSync(join(dir, file)), file).toBe(true)
  expect(treeOf(home)).toEqual({})
})

test('a YAML file is not edited: what to add is said', async () => {
  const { screen, put, read } = world()
  put('.config/goose/config.yaml', 'extensions: {}\n')
  const { code, out } = await screen(['--yes'])
  expect(code).toBe(0)
  expect(out).toContain(`→ Goose is for you to set up`)
  expect(out).toContain(`      cmd: "node"\n      args: ["${PROGRAM}","mcp"]`)
  expect(read('.config/goose/config.yaml')).toBe('extensions: {}\n')
})
