import { leading } from '../support/leader.ts'

/** Callers over REST: scripts that have registered with one leader. */
export async function scripts(count: number, settings: Record<string, string> = {}) {
  const mesh = await leading(settings)
  const registered = await Promise.all(Array.from({ length: count }, () => mesh.script()))
  return {
    callers: registered.map((script) => script.call),
    projectPath: process.cwd(),
    others: [mesh.peer.self.name],
    [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose](),
  }
}
