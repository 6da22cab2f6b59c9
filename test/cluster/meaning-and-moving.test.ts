import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { companion } from '../support/companion.ts'
import { dataDir, meshEnv, testDir } from '../support/data-dir.ts'
import { natsServer, needsNats } from '../support/nats.ts'
import { ownMesh, sharedNats } from '../support/nats-mesh.ts'
import { createRepository, git } from '../support/repository.ts'
import { run } from '../support/run.ts'

/** Real sessions and shells on two machines (two data directories), each with a clone of its own. */
describe.skipIf(!natsServer)(`what things mean on several machines${needsNats}`, () => {
  const nats = sharedNats()

  function twoMachines() {
    const env = ownMesh(nats())
    const on = (host: string, remote: string) => {
      const dir = dataDir()
      const clone = createRepository(remote)
      const settings = { ...env, SLM_MESH_HOST_NAME: host }
      return {
        ...{ dir, clone, settings },
        agent: (name: string, cwd = clone) => Agent.start({ dir, cwd, env: { ...settings, SLM_MESH_NAME: name } }),
        shell: (args: string[], options: Parameters<typeof run>[2] = {}) =>
          run(args, { ...meshEnv(dir), ...settings }, { cwd: clone, ...options }),
      }
    }
    return [on('laptop', 'git@github.com:acme/widgets.git'), on('buildbox', 'https://github.com/acme/widgets')] as const
  }

  test('a lock holds in every clone, each is shown its own path, and a commit of the file is refused on the other machine', async () => {
    const [laptop, buildbox] = twoMachines()
    await using ann = await laptop.agent('ann')
    await using bob = await buildbox.agent('bob')
    expect((await bob.call('peer.list', {})).peers).toMatchObject([{ name: 'ann', host: 'laptop', status: 'active' }])
    expect((await bob.call('peer.list', { scope: 'repo' })).peers).toHaveLength(1)
    expect((await bob.call('peer.list', { scope: 'machine' })).peers).toEqual([])

    await ann.call('lock.acquire', { filePath: 'src', reason: 'renaming' })
    await expect(bob.call('lock.acquire', { filePath: 'src/a.ts' })).rejects.toThrow(
      `${JSON.stringify(join(buildbox.clone, 'src'))} is locked by ann on "laptop"`,
    )
    const row = (await buildbox.shell(['lock', 'list'])).out.trim().split('\t')
    expect([row[0], row[1], row.at(-1)]).toEqual([join(buildbox.clone, 'src'), 'ann', 'laptop'])
    expect(JSON.parse((await laptop.shell(['lock', 'list', '--json'])).out).locks).toMatchObject([
      { filePath: join(laptop.clone, 'src'), reason: 'renaming' },
    ])
    expect((await buildbox.shell(['peers'])).out).toMatch(/^ann\t.*\tlaptop$/m)

    mkdirSync(join(buildbox.clone, 'src'))
    for (const path of ['src/a.ts', 'free.ts']) writeFileSync(join(buildbox.clone, path), '')
    git(buildbox.clone, 'add', '.')
    const check = await buildbox.shell(['guard', 'check', '--json'])
    expect(check.code).toBe(1)
    expect(JSON.parse(check.out).refused).toMatchObject([
      { path: 'src/a.ts', lock: { filePath: join(buildbox.clone, 'src') }, holder: { name: 'ann', host: 'laptop' } },
    ])

    // A person on the other machine takes it away by that path, and whoever waited has it.
    const waiting = bob.call('lock.acquire', { filePath: 'src/a.ts', wait: 60 })
    await expect.poll(async () => (await buildbox.shell(['lock', 'release', 'src', '--force', '--yes'])).code).toBe(0)
    expect((await waiting).lock).toMatchObject({ filePath: join(buildbox.clone, 'src/a.ts') })
    const { events } = await ann.call('event.read', { types: ['file_locked'] })
    expect(events.at(-1)?.payload).toMatchObject({ filePath: join(laptop.clone, 'src/a.ts'), host: 'buildbox' })
  })

  test('the pids of another machine are nobody here: a check, a clean-up and a stop leave its sessions alone', async () => {
    const [laptop, buildbox] = twoMachines()
    await using ann = await laptop.agent('ann')
    await using bob = await buildbox.agent('bob')
    expect(JSON.parse((await buildbox.shell(['clean', '--dry-run', '--json'])).out).done).toEqual([])
    const doctor = JSON.parse((await buildbox.shell(['doctor', '--json'])).out) as { findings: { check: string; what: string }[] }
    expect(JSON.stringify(doctor)).toContain('1 here, and all answer')
    await buildbox.shell(['stop'])
    expect((await ann.call('peer.list', {})).peers).toMatchObject([{ name: 'bob', status: 'active' }])
    await bob.call('message.send', { to: 'ann', message: 'still there?' })
  })

  test('what agents left for each other moves from one machine to the mesh of several, and back', {
    timeout: 120_000,
  }, async () => {
    const [laptop, buildbox] = twoMachines()
    const [before, after] = [dataDir(), dataDir()]
    {
      await using otter = await companion({ dir: before, name: 'otter' })
      const heron = await companion({ dir: before, name: 'heron' })
      await otter.call('state.set', { key: 'api', namespace: 'design', value: '{"v": 1}' })
      for (const message of ['one', 'two', 'three']) await otter.call('message.send', { to: 'heron', message })
      await heron[Symbol.asyncDispose]()
    }
    await using _ann = await laptop.agent('ann')
    const file = join(testDir(), 'moved.jsonl')
    await run(['export', '--out', file], meshEnv(before))
    const tried = await laptop.shell(['import', file, '--dry-run', '--json'])
    expect(JSON.parse(tried.out)).toMatchObject({ state: { created: 1 }, messages: { brought: 3, mailboxes: 2 } })
    const imported = await laptop.shell(['import', file])
    expect(imported.out).toBe('Values: 1 new\nMessages: 3 unread, with 2 mailboxes made\n')
    // Where nobody leads, and on the other machine, it is the same mesh.
    const again = await buildbox.shell(['import', file, '--json'])
    expect(JSON.parse(again.out)).toMatchObject({ state: { same: 1 }, messages: { brought: 0, known: 3 } })

    const back = await buildbox.shell(['export'])
    expect(back.err).toContain('Exported 1 value, 3 unread messages.')
    await run(['import', '-'], meshEnv(after), { input: back.out })
    await using old = await companion({ dir: after, name: 'heron' })
    expect((await old.call('message.inbox', {})).messages.map(({ payload }) => payload)).toEqual(['one', 'two', 'three'])
    expect((await old.call('state.get', { key: 'api', namespace: 'design' })).entry.value).toBe('{"v": 1}')

    await using heron = await buildbox.agent('heron')
    const { messages } = await heron.call('message.inbox', {})
    expect(messages.map(({ payload, from }) => [payload, from.name])).toEqual([
      ['one', 'otter'],
      ['two', 'otter'],
      ['three', 'otter'],
    ])
  })

  test('much mail and large values go into the log in pieces that it takes', { timeout: 120_000 }, async () => {
    const [laptop, buildbox] = twoMachines()
    const before = dataDir()
    {
      await using one = await companion({ dir: before, name: 'one' })
      await using _two = await companion({ dir: before, name: 'two' })
      const noise = (n: number) => Array.from({ length: n }, () => Math.random().toString(36).slice(2, 12)).join('')
      for (let i = 0; i < 4; i++) await one.call('state.set', { key: `large ${i}`, value: noise(24_000) })
      const letters = Array.from({ length: 300 }, (_, i) => ({ to: 'two', message: `${i} ${noise(i % 50 === 0 ? 6_000 : 10)}` }))
      await Promise.all(letters.map((letter) => one.call('message.send', letter)))
    }
    const { out: input } = await run(['export'], meshEnv(before))
    const imported = await laptop.shell(['import', '-', '--json'], { input })
    expect(JSON.parse(imported.out)).toMatchObject({ ok: true, state: { created: 4 }, messages: { brought: 300 } })
    await using two = await buildbox.agent('two')
    const numbers: number[] = []
    for (let more = true; more; ) {
      const answer = await two.call('message.inbox', { limit: 100 })
      numbers.push(...answer.messages.map(({ payload }) => Number.parseInt(payload, 10)))
      more = answer.more
    }
    expect(numbers).toEqual(Array.from({ length: 300 }, (_, i) => i))
  })
})
