import { sharedMesh } from '../support/agent.ts'
import { empty } from '../support/mesh-file.ts'
import { conformance } from './cases.ts'

const mesh = sharedMesh(3)

/** Three processes for all cases: what a case left in the mesh is taken out before the next. */
conformance('MCP over stdio', async () => {
  const { agents, dir } = mesh()
  for (const { call } of agents) {
    await call('event.unsubscribe', {})
    await call('peer.describe', { summary: '' })
  }
  empty(dir)
  return { callers: agents.map((agent) => agent.call), projectPath: dir, [Symbol.asyncDispose]: async () => {} }
})
