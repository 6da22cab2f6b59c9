import { leading } from '../support/leader.ts'
import { conformance } from './cases.ts'

conformance('REST, as registered scripts', async (count) => {
  const mesh = await leading()
  const scripts = await Promise.all(Array.from({ length: count }, () => mesh.script()))
  return {
    callers: scripts.map((script) => script.call),
    projectPath: process.cwd(),
    others: [mesh.peer.self.name],
    [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose](),
  }
})
