import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { managerOf } from '../../src/cli/guard/hook-manager.ts'
import { Agent, PROGRAM } from '../support/agent.ts'
import { dataDir, meshEnv } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { empty } from '../support/mesh-file.ts'
import { createRepository, git } from '../support/repository.ts'
import { run } from '../support/run.ts'
import { shared } from '../support/shared.ts'

/** The guard in real repositories, with real commits, against locks that real agents hold. */

let dir: string
let repo: string
let otter: Agent
/** A process of its own between this one and the server, as an agent is: these tests are no ancestor of a session. */
const AGENT = [
  process.execPath,
  '-e',
  `const [file, ...args] = process.argv.slice(1)
  const server = require('node:child_process').spawn(file, args, { stdio: 'inherit' })
  server.once('exit', (code) => process.exit(code ?? 1))`,
  process.execPath,
]
const env = (more: Record<string, string> = {}) => ({
  ...meshEnv(dir),
  HOME: dir,
  GIT_CONFIG_GLOBAL: '/dev/null',
  ...{ GIT_AUTHOR_NAME: 'Ada', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'Ada', GIT_COMMITTER_EMAIL: 'a@b' },
  ...more,
})
const guard = (words: string[], cwd = repo, more: Record<string, string> = {}) => run(['guard', ...words], env(more), { cwd })
/** git as a person runs it, hooks and all. */
const commit = (words: string[], cwd = repo, more: Record<string, string> = {}) => {
  const { status, stderr, stdout } = spawnSync('git', words, {
    cwd,
    env: { PATH: process.env.PATH ?? '', ...env(more) },
    encoding: 'utf8',
  })
  return { code: status, err: stderr, out: stdout }
}
const hooks = (cwd = repo) => join(cwd, '.git/hooks')
const write = (path: string, text = 'x', cwd = repo) => {
  mkdirSync(join(cwd, path, '..'), { recursive: true })
  writeFileSync(join(cwd, path), text)
}
const locked = (filePath: string | string[], reason = 'renaming email') => otter.call('lock.acquire', { filePath, reason })

shared(async () => {
  dir = dataDir()
  otter = await Agent.start({ dir, env: { SLM_MESH_NAME: 'otter' }, client: 'claude-code', command: AGENT })
  return otter
})
beforeEach(() => {
  empty(dir)
  repo = createRepository()
})

describe('a commit', () => {
  test('of what another holds is refused with who, why, until when and what to do; of anything else it passes', async () => {
    expect(await guard(['install'])).toMatchObject({ code: 0 })
    write('src/held.ts')
    write('free.ts')
    git(repo, 'add', '.')
    await locked(join(repo, 'src/held.ts'))
    const refused = commit(['commit', '-m', 'x'])
    expect(refused.code).toBe(1)
    for (const said of [
      'src/held.ts',
      'held by otter (claude-code) until ',
      '"renaming email"',
      'send otter',
      '--no-verify',
      'SLM_MESH_GUARD=off',
    ])
      expect(refused.err).toContain(said)
    expect(refused.err).not.toContain('free.ts')
    expect(commit(['commit', '-m', 'a part of it', 'free.ts']).code).toBe(0)
    expect(commit(['commit', '-m', 'x', '--no-verify']).code).toBe(0)
    write('src/held.ts', 'again')
    expect(commit(['commit', '-am', 'x'], join(repo, 'src'))).toMatchObject({ code: 1 })
    expect(commit(['commit', '-am', 'x'], repo, { SLM_MESH_GUARD: 'off' })).toMatchObject({ code: 0 })
    write('src/held.ts', 'and again')
    // By itself, from a directory below: exit 1, and a document for programs.
    git(repo, 'add', '.')
    const { code, out } = await guard(['check', '--json'], join(repo, 'src'))
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      refused: [{ path: 'src/held.ts', holder: { name: 'otter' }, lock: { reason: 'renaming email' } }],
    })
    // The holder's own commit, as far as the environment says.
    expect(commit(['commit', '-m', 'x'], repo, { SLM_MESH_NAME: 'otter' })).toMatchObject({ code: 0, err: '' })
  })

  test('is the holder’s own where its agent has started git, whatever is between them, and no other agent’s', async () => {
    await guard(['install'])
    /** An agent that has one server and then commits, through a shell of its own. */
    const commits = (name: string, holds: string, changes: string) => {
      write(changes, name)
      const script = `const { spawn, spawnSync } = require('node:child_process')
        const server = spawn(process.execPath, [${JSON.stringify(PROGRAM)}, 'mcp'], { stdio: ['pipe', 'pipe', 'inherit'] })
        const send = (m) => server.stdin.write(JSON.stringify({ jsonrpc: '2.0', ...m }) + '\\n')
        const lines = require('node:readline').createInterface(server.stdout)
        lines.on('line', (line) => {
          const { id } = JSON.parse(line)
          if (id === 1) {
            send({ method: 'notifications/initialized' })
            send({ id: 2, method: 'tools/call', params: { name: 'mesh_lock', arguments: { action: 'acquire', filePath: ${JSON.stringify(holds)} } } })
          }
          if (id !== 2) return
          const git = spawnSync('sh', ['-c', 'git add -A && sh -c "git commit -qm x"; exit $?'], { encoding: 'utf8' })
          process.stdout.write(JSON.stringify([git.status, git.stderr]))
          server.stdin.end()
        })
        send({ id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'codex', version: '1' } } })`
      const { stdout } = spawnSync(process.execPath, ['-e', script], {
        cwd: repo,
        env: { PATH: process.env.PATH ?? '', ...env({ SLM_MESH_NAME: name }) },
        encoding: 'utf8',
      })
      return JSON.parse(stdout)
    }
    await locked(join(repo, 'otters.ts'))
    expect(commits('fox', join(repo, 'foxs.ts'), 'foxs.ts')).toEqual([0, ''])
    expect(commits('badger', join(repo, 'badgers.ts'), 'otters.ts')).toEqual([1, expect.stringContaining('held by otter')])
  })

  test('is refused for both names of what is renamed, for what is deleted, and for strange names below a held directory', async () => {
    const strange = 'dir/a\nb "c" ünï 🦦.ts'
    for (const path of ['old.ts', 'gone.ts', 'top.ts', strange]) write(path, `${path}\n`.repeat(20))
    git(repo, 'add', '.')
    git(repo, 'commit', '-qm', 'all')
    const check = async () => JSON.parse((await guard(['check', '--json'])).out).refused.map(({ path }: { path: string }) => path)
    await locked([join(repo, 'old.ts'), join(repo, 'new name.ts'), join(repo, 'gone.ts'), join(repo, 'dir')])
    git(repo, 'mv', 'old.ts', 'else.ts')
    git(repo, 'mv', 'top.ts', 'new name.ts')
    git(repo, 'rm', '-q', 'gone.ts')
    write(strange, 'changed')
    git(repo, 'config', 'diff.renames', 'copies')
    git(repo, 'config', 'diff.relative', 'true')
    git(repo, 'add', '.')
    expect((await check()).sort()).toEqual([strange, 'gone.ts', 'new name.ts', 'old.ts'].sort())
    const { err } = await guard(['check'])
    expect(err).toContain('a\\u000ab')
    // What is not staged is not committed.
    git(repo, 'reset', '-q')
    expect(await check()).toEqual([])
  })

  test('in another worktree, of a submodule, and of a first commit are looked at as well', async () => {
    write('a.ts')
    git(repo, 'add', '.')
    git(repo, 'commit', '-qm', 'a')
    await guard(['install'])
    git(repo, 'worktree', 'add', '-q', '../tree')
    const tree = join(repo, '../tree')
    write('a.ts', 'there', tree)
    expect(commit(['commit', '-am', 'same name, other file'], tree).code).toBe(0)
    write('a.ts', 'there again', tree)
    await locked(join(tree, 'a.ts'))
    expect(commit(['commit', '-am', 'x'], tree)).toMatchObject({ code: 1 })

    git(repo, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', createRepository(), 'sub')
    git(repo, 'config', 'diff.ignoreSubmodules', 'all')
    await locked(join(repo, 'sub'))
    expect(commit(['commit', '-m', 'x']).err).toContain('sub\n')
    // Inside it, the lock on its directory counts too.
    write('inside.ts', 'x', join(repo, 'sub'))
    git(join(repo, 'sub'), 'add', '.')
    expect((await guard(['check'], join(repo, 'sub'))).err).toContain('inside.ts')

    const fresh = join(repo, '../fresh')
    mkdirSync(fresh)
    git(fresh, 'init', '-q')
    write('first.ts', 'x', fresh)
    git(fresh, 'add', '.')
    await locked(join(fresh, 'first.ts'))
    expect((await guard(['check'], fresh)).code).toBe(1)
  })

  test('passes on any trouble, with one line about it', async () => {
    await guard(['install'])
    write('a.ts')
    git(repo, 'add', '.')
    await locked(join(repo, 'a.ts'))
    const oneLine = (err: string) => expect(err).toMatch(/^slm-mesh: .*not checked.*\n$/)
    // No mesh there; a file that is none; a directory that is no repository.
    oneLine((await run(['guard', 'check'], env({ SLM_MESH_DATA_DIR: join(dir, 'none') }), { cwd: repo })).err)
    mkdirSync(join(dir, 'broken'))
    writeFileSync(join(dir, 'broken/mesh.db'), 'no database '.repeat(1000))
    const broken = await run(['guard', 'check'], env({ SLM_MESH_DATA_DIR: join(dir, 'broken') }), { cwd: repo })
    expect(broken.code).toBe(0)
    oneLine(broken.err)
    oneLine((await guard(['check'], dir)).err)
    // The program has gone, or fails before it has begun.
    const hook = join(hooks(), 'pre-commit')
    const script = readFileSync(hook, 'utf8')
    writeFileSync(hook, script.replace(/^program=.*$/m, "program='/nowhere/slm-mesh.js'"))
    const gone = commit(['commit', '-m', 'x'])
    expect(gone.code).toBe(0)
    oneLine(gone.err)
    const fails = join(repo, 'fails.js')
    writeFileSync(fails, 'throw new Error("half an upgrade")')
    writeFileSync(hook, script.replace(/^program=.*$/m, `program='${fails}'`))
    write('a.ts', 'again')
    git(repo, 'add', 'a.ts')
    expect(commit(['commit', '-m', 'x']).code).toBe(0)
  })

  test('is not refused for a lock that has run out, or whose holder is gone', async () => {
    write('a.ts')
    git(repo, 'add', '.')
    const own = dataDir()
    const more = { SLM_MESH_DATA_DIR: own }
    const fox = await Agent.start({ dir: own, command: AGENT })
    await fox.call('lock.acquire', { filePath: join(repo, 'a.ts') })
    expect((await guard(['check'], repo, more)).code).toBe(1)
    await fox.kill()
    await eventually(async () => (await guard(['check'], repo, more)).code === 0)
  })
})

describe('installing and removing', () => {
  const everything = (of: string) =>
    Object.fromEntries(
      readdirSync(of)
        .sort()
        .map((name) => [name, [readFileSync(join(of, name), 'hex'), statSync(join(of, name)).mode]]),
    )

  test('leaves everything as it was, byte for byte, with a hook of others or with none; twice is once', async () => {
    for (const theirs of [undefined, '#!/bin/sh\necho theirs >&2\n[ ! -e stop ]\n', '\u0000\u00ffno text']) {
      if (theirs !== undefined) {
        writeFileSync(join(hooks(), 'pre-commit'), theirs, 'latin1')
        chmodSync(join(hooks(), 'pre-commit'), 0o750)
      }
      const before = everything(hooks())
      expect((await guard(['install'])).out).toContain('refused now')
      const installed = everything(hooks())
      expect((await guard(['install'])).out).toContain('there already')
      expect(everything(hooks())).toEqual(installed)
      expect(statSync(join(hooks(), 'pre-commit')).mode & 0o777).toBe(0o755)
      expect((await guard(['remove'])).code).toBe(0)
      expect(everything(hooks())).toEqual(before)
      expect((await guard(['remove'])).out).toContain('no guard')
      expect(everything(hooks())).toEqual(before)
    }
  })

  test('a hook of others still decides; one that git would not run is not run', async () => {
    writeFileSync(join(hooks(), 'pre-commit'), '#!/bin/sh\necho theirs >&2\n[ ! -e stop ]\n')
    chmodSync(join(hooks(), 'pre-commit'), 0o755)
    await guard(['install'])
    write('a.ts')
    write('stop')
    git(repo, 'add', 'a.ts')
    const stopped = commit(['commit', '-m', 'x'])
    expect([stopped.code, stopped.err]).toEqual([1, 'theirs\n'])
    unlinkSync(join(repo, 'stop'))
    expect(commit(['commit', '-m', 'x']).code).toBe(0)
    chmodSync(join(hooks(), 'pre-commit.before-slm-mesh'), 0o644)
    write('a.ts', 'again')
    expect(commit(['commit', '-am', 'x']).err).toBe('')
  })

  test('a link stays a link, core.hooksPath is honoured, and a data directory of its own is remembered', async () => {
    write('tools/hook.sh', '#!/bin/sh\nexit 0\n')
    git(repo, 'config', 'core.hooksPath', 'tools')
    symlinkSync('hook.sh', join(repo, 'tools/pre-commit'))
    write('sub/a.ts')
    expect((await guard(['install'], join(repo, 'sub'))).code).toBe(0)
    expect(existsSync(join(hooks(), 'pre-commit'))).toBe(false)
    expect(readFileSync(join(repo, 'tools/pre-commit'), 'utf8')).toContain(`'--data-dir' '${dir}'`)
    git(repo, 'add', 'sub/a.ts')
    await locked(join(repo, 'sub'))
    expect(commit(['commit', '-m', 'x'], repo, { SLM_MESH_DATA_DIR: '' }).code).toBe(1)
    await guard(['remove'])
    expect(readFileSync(join(repo, 'tools/pre-commit'), 'utf8')).toBe('#!/bin/sh\nexit 0\n')
    expect(readdirSync(join(repo, 'tools')).sort()).toEqual(['hook.sh', 'pre-commit'])
  })

  test('what others have written into it, or over it, is not thrown away', async () => {
    await guard(['install'])
    const hook = join(hooks(), 'pre-commit')
    writeFileSync(hook, `${readFileSync(hook, 'utf8')}echo more\n`)
    for (const words of [['install'], ['remove']]) expect((await guard(words)).code).toBe(1)
    expect(readFileSync(hook, 'utf8')).toContain('echo more')
    rmSync(hook)
    writeFileSync(hook, 'theirs')
    await guard(['install'])
    writeFileSync(hook, 'theirs, newer')
    const { code, err } = await guard(['install'])
    expect([code, err]).toEqual([1, expect.stringContaining('in the way')])
    renameSync(hook, `${hook}.elsewhere`)
    // Ours was deleted by hand: what it had set aside comes back.
    expect((await guard(['remove'])).code).toBe(0)
    expect(readFileSync(hook, 'utf8')).toBe('theirs')
  })

  test('where a hook manager writes the hooks, or they are not this repository’s, it says what to add', async () => {
    git(repo, 'config', 'core.hooksPath', '.husky/_')
    const husky = await guard(['install'])
    expect([husky.code, husky.err]).toEqual([1, expect.stringMatching(/Husky .*\.husky\/pre-commit[\s\S]*guard check --hook/)])
    git(repo, 'config', 'core.hooksPath', join(repo, '../everybodys'))
    expect((await guard(['install'])).err).toContain('leads out of this repository')
    expect(existsSync(join(repo, '../everybodys'))).toBe(false)
    expect((await guard(['install'], dir)).code).toBe(3)
    expect(managerOf('/r/.git/hooks', '#!/bin/sh\ncall_lefthook run "pre-commit" "$@"')?.file).toBe('lefthook.yml')
    expect(managerOf('/r/.git/hooks', '#!/usr/bin/env bash\n# File generated by pre-commit: https://pre-commit.com')?.name).toBe(
      'pre-commit',
    )
    expect(managerOf('/r/.git/hooks', '#!/bin/sh\nmake lint')).toBe(undefined)
    // What it says is good shell: it passes where there is nothing, and refuses where the guard does.
    const line = husky.err.trim().split('\n').at(-1) ?? ''
    const shell = (exit: number) => {
      writeFileSync(join(repo, 'slm-mesh'), `#!/bin/sh\nexit ${exit}\n`)
      chmodSync(join(repo, 'slm-mesh'), 0o755)
      return spawnSync('sh', ['-c', line], { env: { PATH: `${repo}:${process.env.PATH}` } }).status
    }
    expect([0, 10, 2, 1].map(shell)).toEqual([0, 1, 0, 0])
    expect(spawnSync('/bin/sh', ['-c', line], { env: { PATH: '/nowhere' } }).status).toBe(0)
  })
})
