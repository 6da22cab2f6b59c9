import { mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { type Companion, companion } from '../support/companion.ts'
import { dataDir, testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { createRepository, git } from '../support/repository.ts'

const place = async (agent: Agent) => {
  const { projectPath, gitRoot, gitBranch } = (await agent.call('peer.list', {})).self
  return { projectPath, gitRoot, gitBranch }
}
const directory = () => realpathSync(testDir())

test('roots tell the project before the environment does, the environment before the directory of its start', async () => {
  const [root, fromEnv, cwd] = [directory(), directory(), directory()]
  const roots = [pathToFileURL(root).href]
  const env = { CLAUDE_PROJECT_DIR: fromEnv }
  for (const [options, expected] of [
    [{ roots, env, cwd }, root],
    [{ roots: [], env, cwd }, fromEnv],
    [{ env, cwd }, fromEnv],
    [{ cwd }, cwd],
  ] as const) {
    await using agent = await Agent.start(options)
    expect((await place(agent)).projectPath).toBe(expected)
  }
})

test.each([
  ['never answers', () => new Promise<never>(() => {})],
  ['fails to say', () => Promise.reject(new Error('not now'))],
])('a client that %s where it works keeps nobody from the mesh', async (_, answer) => {
  const cwd = directory()
  await using agent = await Agent.connect({ roots: ['file:///unused'], cwd })
  // In time: the question comes with the next turn of the event loop.
  agent.client.setRequestHandler(ListRootsRequestSchema, answer)
  expect((await place(agent)).projectPath).toBe(cwd)
})

test('a project that moves is found in its new place, by its roots', async () => {
  const repository = createRepository()
  const before = directory()
  const roots = [pathToFileURL(before).href]
  const dir = dataDir()
  await using agent = await Agent.start({ dir, roots })
  await using other = await companion({ dir, cwd: repository })
  expect(await place(agent)).toEqual({ projectPath: before, gitRoot: null, gitBranch: null })
  roots[0] = pathToFileURL(repository).href
  await agent.client.sendRootsListChanged()
  await eventually(async () => (await place(agent)).projectPath === repository)
  expect(await place(agent)).toEqual({ projectPath: repository, gitRoot: repository, gitBranch: 'main' })
  expect((await other.call('peer.list', { scope: 'repo' })).peers).toHaveLength(1)
  // Paths are now of the new place.
  const { lock } = await agent.call('lock.acquire', { filePath: 'src/a.ts' })
  expect(lock?.filePath).toBe(join(repository, 'src', 'a.ts'))
})

test('scopes: one directory, one repository with its worktrees, the machine', async () => {
  const repository = createRepository()
  const worktree = join(directory(), 'worktree')
  git(repository, 'worktree', 'add', '-q', '-b', 'feature', worktree)
  const below = join(repository, 'packages')
  mkdirSync(below)
  const elsewhere = createRepository()
  const nowhere = directory()

  const dir = dataDir()
  const start = (cwd: string, name: string) => Agent.start({ dir, cwd, env: { SLM_MESH_NAME: name } })
  const beside = (cwd: string, name: string) => companion({ dir, cwd, name })
  await using main = await start(repository, 'main')
  await using twin = await beside(repository, 'twin')
  await using deep = await start(below, 'deep')
  await using branch = await start(worktree, 'branch')
  await using stranger = await beside(elsewhere, 'stranger')
  await using loose = await start(nowhere, 'loose')
  await using adrift = await beside(nowhere, 'adrift')

  const seen = async (agent: Agent | Companion, scope: 'machine' | 'directory' | 'repo') =>
    (await agent.call('peer.list', { scope })).peers.map(({ name }) => name).sort()
  expect(await seen(main, 'directory')).toEqual(['twin'])
  expect(await seen(main, 'repo')).toEqual(['branch', 'deep', 'twin'])
  expect(await seen(main, 'machine')).toEqual(['adrift', 'branch', 'deep', 'loose', 'stranger', 'twin'])
  expect(await seen(branch, 'repo')).toEqual(['deep', 'main', 'twin'])
  expect(await seen(branch, 'directory')).toEqual([])
  expect(await seen(stranger, 'repo')).toEqual([])
  // Those outside any repository share a directory, and no repository.
  expect(await seen(loose, 'directory')).toEqual(['adrift'])
  expect(await seen(loose, 'repo')).toEqual([])
  expect((await place(branch)).gitBranch).toBe('feature')
  expect([await twin.name(), await deep.name(), await adrift.name()]).toEqual(['twin', 'deep', 'adrift'])
})

test('the same file in another worktree is granted, with a warning that says who has it', async () => {
  const repository = createRepository()
  const worktree = join(directory(), 'worktree')
  git(repository, 'worktree', 'add', '-q', '-b', 'feature', worktree)
  const dir = dataDir()
  await using main = await companion({ dir, cwd: repository, name: 'main' })
  await using branch = await Agent.start({ dir, cwd: worktree })
  await main.call('lock.acquire', { filePath: 'src/a.ts', reason: 'renaming' })
  const same = await branch.call('lock.acquire', { filePath: 'src/a.ts' })
  expect(same.lock?.filePath).toBe(join(worktree, 'src', 'a.ts'))
  expect(same.warnings).toEqual([expect.stringMatching(/^main holds the same file in another worktree .*renaming/)])
  expect((await branch.call('lock.acquire', { filePath: 'src/b.ts' })).warnings).toBeUndefined()
})
