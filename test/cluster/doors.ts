import { conformance } from '../conformance/cases.ts'
import { scripts } from '../conformance/scripts.ts'
import { Agent } from '../support/agent.ts'
import { dataDir } from '../support/data-dir.ts'
import { machine } from '../support/machine.ts'
import type { Nats } from '../support/nats.ts'
import { joinOnNats, ownMesh } from '../support/nats-mesh.ts'
import { createRepository } from '../support/repository.ts'
import { shared } from '../support/shared.ts'

/** What every way into the mesh must do, over these servers. */
export function conformanceOn(nats: () => Nats): void {
  conformance('the library, on one machine', async (count) => {
    const mesh = await joinOnNats(ownMesh(nats()), [count])
    return { ...mesh, callers: mesh.peers.map((peer) => peer.call), projectPath: process.cwd() }
  })

  conformance('the library, each peer on a machine of its own', async (count) => {
    const projectPath = createRepository('git@example.org:team/project.git')
    const mesh = await joinOnNats(ownMesh(nats()), Array(count).fill(1), { projectPath })
    return { ...mesh, callers: mesh.peers.map((peer) => peer.call), projectPath, neighbours: 0, outermost: projectPath }
  })

  conformance('REST, as registered scripts', (count) => scripts(count, ownMesh(nats())))

  const agents = shared(async () => {
    const env = ownMesh(nats())
    const cwd = createRepository('https://example.org/team/project')
    const started = await Promise.all(
      [1, 2, 3].map((n) => Agent.start({ dir: dataDir(), cwd, env: { ...env, SLM_MESH_HOST_NAME: `host-${n}` } })),
    )
    const cleaner = await machine(env.SLM_MESH_URL ?? '', { env })
    return {
      ...{ started, cleaner, cwd },
      async [Symbol.asyncDispose]() {
        cleaner[Symbol.dispose]()
        for (const agent of started) await agent[Symbol.asyncDispose]()
      },
    }
  })

  /** Three processes for all cases: what a case left in the mesh is taken out before the next. */
  conformance('MCP over stdio, each agent on a machine of its own', async () => {
    const { started, cleaner, cwd } = agents()
    for (const { call } of started) {
      await call('event.unsubscribe', {})
      await call('peer.describe', { summary: '' })
    }
    await cleaner.engine.database.write((tx) => {
      for (const table of ['messages', 'locks', 'lock_waits', 'state']) tx.run(`DELETE FROM ${table}`)
    })
    return {
      callers: started.map((agent) => agent.call),
      ...{ projectPath: cwd, neighbours: 0, outermost: cwd },
      [Symbol.asyncDispose]: async () => {},
    }
  })
}
