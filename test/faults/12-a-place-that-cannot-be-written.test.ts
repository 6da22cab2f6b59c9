import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Agent, type AgentOptions, ToolError } from '../support/agent.ts'
import { boundByModes } from '../support/bound-by-modes.ts'
import { companion } from '../support/companion.ts'
import { dataDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { electedTerms, servingLeader } from '../support/leader-watch.ts'

const start = (options: AgentOptions) => Agent.start({ command: boundByModes(), ...options })
const connect = (options: AgentOptions) => Agent.connect({ command: boundByModes(), ...options })

const changed: string[] = []
function setMode(path: string, mode: number): void {
  chmodSync(path, mode)
  changed.push(path)
}
/** What a test has closed must be open again for the set-up to remove it. */
afterEach(() => {
  for (const path of changed.splice(0)) chmodSync(path, 0o700)
})

let refusals = 0

async function expectReadOnly(call: Promise<unknown>, path: string): Promise<void> {
  const error = await call.catch((error: unknown) => error)
  if (!(error instanceof ToolError)) throw new Error(`not refused: ${JSON.stringify(error)}`)
  expect(error).toMatchObject({ code: 'read_only', facts: { path } })
  expect(error.message).toContain(`${path} cannot be written`)
  expect(error.message).toContain('write permission')
  refusals++
}

/** A mesh that ran once and left its file behind. */
async function usedDir(): Promise<string> {
  await using agent = await companion()
  await agent.call('state.set', { key: 'plan', value: 'kept' })
  return agent.dir
}

test('a new session meets a database that is read-only: the error names it and the fix, and after the fix the next call works', async () => {
  const dir = await usedDir()
  const path = join(dir, 'mesh.db')
  setMode(path, 0o400)
  await using agent = await connect({ dir })
  await expectReadOnly(agent.call('mesh.status', {}), path)
  await expectReadOnly(agent.call('state.set', { key: 'plan', value: 'changed' }), path)
  chmodSync(path, 0o600)
  expect((await agent.call('state.get', { key: 'plan' })).entry.value).toBe('kept')
  await agent.call('state.set', { key: 'plan', value: 'changed' })
})

test.each([
  ['that is empty', async () => dataDir(), true],
  ['with a mesh in it', usedDir, false],
  ['whose database was deleted', usedDir, true],
] as const)('a new session meets a directory %s, without write permission: the same', async (_what, make, isEmpty) => {
  const dir = await make()
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  if (isEmpty) rmSync(join(dir, 'mesh.db'), { force: true })
  setMode(dir, 0o500)
  await using agent = await connect({ dir })
  await expectReadOnly(agent.call('mesh.status', {}), dir)
  await expectReadOnly(agent.call('state.set', { key: 'plan', value: 'changed' }), dir)
  chmodSync(dir, 0o700)
  await agent.call('state.set', { key: 'plan', value: 'changed' })
})

test('sessions that run while their directory turns read-only go on, and elect again once it is writable', async () => {
  await using first = await start({})
  await using second = await start({ dir: first.dir })
  await using third = await start({ dir: first.dir })
  const before = await servingLeader(third)
  const secondName = await second.name()
  setMode(first.dir, 0o500)
  setMode(join(first.dir, 'mesh.db'), 0o400)

  await third.call('message.send', { to: secondName, message: 'still here' })
  expect((await second.call('message.inbox', {})).messages).toMatchObject([{ payload: 'still here' }])
  await using late = await connect({ dir: first.dir })
  await expectReadOnly(late.call('mesh.status', {}), first.dir)

  // No lock directory can be made now, so nobody can lead; the others do without.
  await first.kill()
  await eventually(() => second.stderr.includes('election round failed') || third.stderr.includes('election round failed'))
  await third.call('message.send', { to: secondName, message: 'no leader, no matter' })
  expect((await second.call('message.inbox', {})).messages).toMatchObject([{ payload: 'no leader, no matter' }])

  chmodSync(first.dir, 0o700)
  chmodSync(join(first.dir, 'mesh.db'), 0o600)
  const after = await servingLeader(third, { after: before.term })
  expect((await late.call('peer.list', {})).peers.filter((peer) => peer.status === 'active')).toHaveLength(2)
  expect(await electedTerms(third)).toEqual([before.term, after.term])
  report(12, {
    load: 'sends, sets and locks',
    injected: refusals,
    more: 'each refusal names the path and the fix, and was followed by a call that worked',
  })
})
