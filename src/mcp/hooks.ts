import { resolve } from 'node:path'
import { type Conflict, fail } from '../core/errors.ts'
import type { HookAnswer, HookCall, HookHandler } from '../peer/hook.ts'
import type { MeshPeer } from '../peer/peer.ts'
import { errorText } from './answers.ts'
import type { Delivery } from './delivery.ts'

/**
 * What the session says to its agent's hooks, whatever agent it is. How each agent asks, and how it is told, is its
 * adapter's business.
 */

export function createHooks(peer: MeshPeer, delivery: Delivery): HookHandler {
  return async (call, { signal, afterAnswer }): Promise<HookAnswer> => {
    const carry = (telling: { text: string; settle(left: boolean): Promise<void> } | undefined) => {
      if (telling) afterAnswer((left) => telling.settle(left))
      return telling?.text
    }
    switch (call.moment) {
      case 'start':
      case 'prompt':
      case 'after-tool': {
        delivery.waking.sign()
        const context = carry(await delivery.show(call.moment))
        return context === undefined ? {} : { context: `[mesh] ${context}` }
      }
      case 'before-edit': {
        delivery.waking.sign()
        const conflicts = await heldByOthers(peer, call)
        return conflicts.length === 0 ? {} : { deny: `[mesh] ${errorText(fail('locked', { conflicts, place: null }))}` }
      }
      case 'stop': {
        const hold = carry(await delivery.show('stop'))
        if (hold === undefined) {
          delivery.waking.rests()
          return {}
        }
        delivery.waking.sign()
        return { hold: `[mesh] ${hold}` }
      }
      case 'idle': {
        const wake = carry(await delivery.sleep(signal))
        return wake === undefined ? {} : { wake: `[mesh] ${wake}` }
      }
      case 'end':
        return {}
    }
  }
}

async function heldByOthers(peer: MeshPeer, { paths = [], cwd = peer.self.projectPath }: HookCall): Promise<Conflict[]> {
  if (paths.length === 0) return []
  const { locks } = await peer.call('lock.query', { filePath: paths.map((path) => resolve(cwd, path)) })
  return locks
    .filter(({ lockedBy }) => lockedBy.id !== peer.self.id)
    .map(({ filePath, lockedBy, reason, expiresAt }) => ({ filePath, holder: lockedBy, reason, until: expiresAt, kind: 'held' }))
}
