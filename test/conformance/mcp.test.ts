import { startMesh } from '../support/agent.ts'
import { conformance } from './cases.ts'

conformance('MCP over stdio', async (count) => {
  const mesh = await startMesh(count)
  return { ...mesh, callers: mesh.agents.map((agent) => agent.call), projectPath: mesh.dir }
})
