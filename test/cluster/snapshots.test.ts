import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/core/config.ts'
import { connectMesh } from '../../src/core/nats/connect.ts'
import { natsSettings } from '../../src/core/nats/settings.ts'
import { contentOf, type Machine, machine } from '../support/machine.ts'
import { natsServer, needsNats } from '../support/nats.ts'
import { ownMesh, sharedNats } from '../support/nats-mesh.ts'

describe.skipIf(!natsServer)(`the log does not grow for ever${needsNats}`, () => {
  const nats = sharedNats()

  const shorten = (on: Machine) => on.engine.shared?.duties.shorten() ?? Promise.resolve(false)

  async function write(on: Machine, count: number, from = 0): Promise<void> {
    // Half a kilobyte each, of which nothing can be compressed.
    for (let i = from; i < from + count; i += 50)
      await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          on.engine.store.state.set(
            { id: 'cli', name: 'cli', agentType: 'human', projectPath: '', gitRoot: null, repo: null },
            'default',
            `key-${(i + n) % 200}`,
            Array.from({ length: 2_000 }, () => Math.random().toString(36)[2]).join(''),
          ),
        ),
      )
  }

  test('a snapshot is published when it is due, once, and what it holds goes from the log', async () => {
    const env = ownMesh(nats())
    using one = await machine(nats().url, { env })
    using other = await machine(nats().url, { env })
    const ann = await one.join({ name: 'ann' })
    const bob = await other.join({ name: 'bob' })
    await one.caller(ann)('message.send', { to: 'bob', message: 'kept over snapshots' })
    for (const each of [one, other]) await each.engine.shared?.duties.beat()
    for (const each of [one, other]) await each.engine.store.catchUp?.()
    expect([await shorten(one), await shorten(other)]).toEqual([false, false])
    for (let round = 0; round < 3; round++) {
      await write(one, 4_000)
      await other.engine.store.catchUp?.()
      const made = [await shorten(one), await shorten(other)]
      expect(made.filter(Boolean)).toHaveLength(1)
      expect([await shorten(one), await shorten(other)]).toEqual([false, false])
    }
    const settings = natsSettings(readConfig({ SLM_MESH_URL: nats().url, ...env }))
    if (!settings) throw new Error('no settings')
    await using connection = await connectMesh(settings)
    const { state } = await connection.jsm.streams.info(connection.names.stream, { subjects_filter: '>' })
    const subjects = Object.entries(state.subjects ?? {})
    expect(subjects.find(([subject]) => subject === connection.names.snapshot)?.[1]).toBe(2)
    const entries = subjects.find(([subject]) => subject === connection.names.log)?.[1] ?? 0
    expect(entries).toBeLessThan(500)

    // A new machine begins with the snapshot, and goes on with the log.
    await write(one, 50)
    using fresh = await machine(nats().url, { env })
    expect(contentOf(fresh)).toEqual(contentOf(one))
    expect((await other.caller(bob)('message.inbox', {})).messages).toMatchObject([{ payload: 'kept over snapshots' }])
    await fresh.join({ name: 'cid' })
    for (const each of [one, other, fresh]) await each.engine.store.catchUp?.()
    expect(contentOf(fresh)).toEqual(contentOf(one))
    expect(contentOf(other)).toEqual(contentOf(one))
  })

  test('a machine that was away for longer than the log goes back comes back by the snapshot, with its own rows', async () => {
    const env = ownMesh(nats())
    using one = await machine(nats().url, { env })
    const away = await machine(nats().url, { env })
    await away.engine.store.browserKeys.mint()
    const { dir } = away
    away[Symbol.dispose]()
    await one.engine.shared?.duties.beat()
    for (let round = 0; round < 2; round++) {
      await write(one, 4_000)
      expect(await shorten(one)).toBe(true)
    }
    using back = await machine(nats().url, { env, dir })
    expect(contentOf(back)).toEqual(contentOf(one))
    expect(back.engine.database.read((sql) => sql.all('SELECT * FROM browser_keys'))).toHaveLength(1)
    expect(one.engine.database.read((sql) => sql.all('SELECT * FROM browser_keys'))).toHaveLength(0)
  })

  test('a copy that is not what the log says is made anew, and nobody else is concerned', async () => {
    const env = ownMesh(nats())
    using one = await machine(nats().url, { env })
    using spoilt = await machine(nats().url, { env })
    const ann = await one.join({ name: 'ann' })
    await spoilt.engine.store.catchUp?.()
    // Behind the mesh's back: a row that nobody has written.
    await spoilt.engine.database.writeHere((tx) => tx.run("DELETE FROM events WHERE type = 'peer_joined'"))
    await spoilt.engine.database.writeHere((tx) => tx.run("UPDATE sqlite_sequence SET seq = seq + 5 WHERE name = 'events'"))
    await one.caller(ann)('state.set', { key: 'k', value: 'v' })
    await spoilt.engine.store.catchUp?.()
    expect(contentOf(spoilt)).toEqual(contentOf(one))
    expect(spoilt.warnings.join()).toMatch(/made anew/)
    expect(one.warnings).toEqual([])
  })

  test('a stream that was deleted and made again is another mesh: copies follow it', async () => {
    const env = ownMesh(nats())
    using one = await machine(nats().url, { env })
    await one.join({ name: 'ann' })
    const { dir } = one
    one[Symbol.dispose]()
    const settings = natsSettings(readConfig({ SLM_MESH_URL: nats().url, ...env }))
    if (!settings) throw new Error('no settings')
    {
      await using connection = await connectMesh(settings)
      await connection.jsm.streams.delete(connection.names.stream)
    }
    using back = await machine(nats().url, { env, dir })
    await expect(back.engine.store.peers.resolve('ann')).rejects.toMatchObject({ code: 'unknown_peer' })
    await back.join({ name: 'bob' })
  })
})
