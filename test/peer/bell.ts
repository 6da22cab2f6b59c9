import { silentLog } from '../../src/core/log.ts'
import { Scope } from '../../src/core/scope.ts'
import { startDoorbell } from '../../src/peer/doorbell.ts'
import { HookHost } from '../../src/peer/hook-host.ts'
import type { Transport } from '../../src/peer/transport.ts'

/** A doorbell on its own, and what it has heard. */
export async function startBell(transport: Transport, socketPath: string, peerId = 'p_me') {
  const scope = new Scope()
  const heard = { rings: 0, leaders: 0, closed: [] as { peerId: string; socketPath: string }[] }
  const hooks = new HookHost(silentLog)
  const doorbell = await startDoorbell(scope, {
    transport,
    socketPath,
    self: () => peerId,
    log: silentLog,
    hooks,
    onRing: () => heard.rings++,
    onLeader: () => heard.leaders++,
    onClosed: (peer) => heard.closed.push(peer),
  })
  const target = { peerId, socketPath }
  return { ...doorbell, heard, hooks, target, [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]() }
}
