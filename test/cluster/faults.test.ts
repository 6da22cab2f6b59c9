import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { contentOf } from '../support/machine.ts'
import { type NatsServer, natsServer, needsNats, startNats } from '../support/nats.ts'
import { ownMesh } from '../support/nats-mesh.ts'
import { scaled } from '../support/scale.ts'
import { type LoadFigures, startLoad } from './load.ts'

/** What servers do to a mesh that works while they are killed. */

const figures: string[] = []
afterAll(() => console.info(figures.join('\n')))

function hold(what: string, { lockProblems, ...counts }: LoadFigures): void {
  figures.push(
    `${what}: ${Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  )
  expect(lockProblems).toEqual([])
  expect(counts).toMatchObject({ lost: 0, duplicated: 0, doubleHolders: 0, notPushed: 0 })
  expect(counts.acknowledged).toBeGreaterThan(0)
}

/** Under load: some work before, between and after. */
async function under(
  nodes: 1 | 3,
  what: string,
  harm: (servers: readonly NatsServer[], leader: () => Promise<NatsServer>) => Promise<void>,
) {
  await using nats = await startNats({ nodes })
  const env = ownMesh(nats)
  using load = await startLoad(nats.url, env, 3)
  const goOn = async () => {
    const before = load.acknowledged()
    await eventually(() => load.acknowledged() > before + 100)
  }
  await goOn()
  for (let i = 0; i < scaled(1, 3); i++) {
    await harm(nats.servers, () => nats.leaderOf(`SLM_MESH_${env.SLM_MESH_MESH}`))
    await goOn()
  }
  hold(what, await load.settle())
  for (const { engine } of load.machines) await engine.store.catchUp?.()
  const [first, ...others] = load.machines.map(contentOf)
  for (const other of others) expect(other).toEqual(first)
}

describe.skipIf(!natsServer)(`under load${needsNats}`, () => {
  test('nothing happens to the servers', () => under(1, 'no fault, one node', async () => {}))

  test('the only server is killed and comes back', () =>
    under(1, 'one node killed', async ([server]) => {
      await server?.kill()
      await sleep(500)
      await server?.start()
    }))

  test('the leader of three is killed', () =>
    under(3, 'leader of three killed', async (_, leader) => {
      const killed = await leader()
      await killed.kill()
      await sleep(3_000)
      await killed.start()
    }))

  test('the leader of three hangs for ten seconds', () =>
    under(3, 'leader of three stopped 10 s', async (_, leader) => {
      const stopped = await leader()
      stopped.pause()
      await sleep(10_000)
      stopped.resume()
    }))

  test('all three are killed', () =>
    under(3, 'all three killed', async (servers) => {
      await Promise.all(servers.map((server) => server.kill()))
      await sleep(500)
      await Promise.all(servers.map((server) => server.start()))
    }))
})
