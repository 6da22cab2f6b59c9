import type { Input, OperationName } from '../../src/core/operations.ts'
import type { Call, Outcome, Told } from './history.ts'

/** Between the words of a history and the operations of the mesh. */

export const NOTE = 'schedule_note'

export function operationOf(call: Call): [OperationName, object] {
  const typed = <N extends OperationName>(name: N, input: Input<N>): [N, Input<N>] => [name, input]
  switch (call.do) {
    case 'send':
      return typed('message.send', { to: call.to.length === 1 ? call.to[0]! : [...call.to], message: call.text })
    case 'read':
      return typed('message.inbox', { limit: call.limit, wait: call.wait })
    case 'follow':
      return typed('event.read', { since: call.since, limit: call.limit, wait: call.wait })
    case 'lock':
      return typed('lock.acquire', { filePath: call.path, wait: call.wait })
    case 'unlock':
      return typed('lock.release', { filePath: call.path })
    case 'query':
      return typed('lock.query', { filePath: call.path })
    case 'get':
      return typed('state.get', { key: call.key })
    case 'set':
      return typed('state.set', {
        ...{ key: call.key, value: call.value },
        ...(call.ifVersion !== undefined && { ifVersion: call.ifVersion }),
      })
    case 'announce':
      return typed('event.emit', { types: [NOTE], payload: { note: call.note } })
  }
}

/** Of an answer, what is looked at later. */
// biome-ignore lint/suspicious/noExplicitAny: answers of all operations, as each output schema has them
export function toldBy(call: Call, output: any): Told {
  switch (call.do) {
    case 'send':
      return {
        sent: Object.fromEntries(output.recipients.map((r: { name: string; messageId: string }) => [r.name, r.messageId])),
      }
    case 'read':
      return {
        mail: output.messages.map((m: { id: string; from: { name: string }; payload: string }) => ({
          ...{ id: m.id, from: m.from.name, text: m.payload },
        })),
      }
    case 'follow':
      return { events: output.events.map((event: { seq: number }) => event.seq) }
    case 'lock':
    case 'unlock':
      return { token: output.lock.token }
    case 'query': {
      const [lock] = output.locks
      return lock ? { token: lock.token, holder: lock.lockedBy.name } : { token: null }
    }
    case 'get':
    case 'set':
      return { version: output.entry.version, value: output.entry.value }
    case 'announce':
      return { seq: output.seq }
  }
}

interface RefusalFacts {
  conflicts?: { holder: { name: string }; kind: string }[]
  holder?: string | null
  actual?: number
}

/** Of a refusal, the code and what it said of how things stand. An entry that is not there is an answer, too. */
export function refusedWith(call: Call, code: string, facts: RefusalFacts = {}): Outcome {
  if (call.do === 'get' && code === 'not_found') return { ok: { version: 0 } }
  const holders = facts.conflicts?.filter(({ kind }) => kind === 'held').map(({ holder }) => holder.name)
  return {
    refused: code,
    ...(holders && { holders }),
    ...(code === 'not_holder' && { holder: facts.holder ?? null }),
    ...(code === 'version_conflict' && facts.actual !== undefined && { actual: facts.actual }),
  }
}
