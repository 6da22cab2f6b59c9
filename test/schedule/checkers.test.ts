import { describe, expect, test } from 'vitest'
import { check } from './check.ts'
import type { Call, Event, History, Injected, Life, Op, Outcome } from './history.ts'
import { NOTE } from './operations.ts'
import { plan } from './plan.ts'
import { randomFrom } from './random.ts'

/** A history in the making: what happened, from when to when, and what the log says of it. */
class Making {
  readonly ops: Op[] = []
  readonly log: Event[] = []
  readonly stored: History['stored'][number][] = []
  readonly lives: Life[] = ['ann', 'bob'].map((peer) => ({ peer, life: 0, kind: 'library', from: 0, ready: 1 }))
  readonly faults: Injected[] = []
  end: History['end'] = { integrity: 'ok', live: ['ann', 'bob'], locks: 0, leader: 'ann' }
  diedAlone: string[] = []

  op(peer: string, call: Call, [from, to]: readonly [number, number], outcome: Outcome, life = 0): this {
    this.ops.push({ peer, life, lane: call.do === 'read' ? 1 : 0, call, from, to, outcome })
    return this
  }

  event(seq: number, by: string, type: string, payload: object): this {
    this.log.push({ seq, type, by, payload: { ...payload } })
    return this
  }

  locked = (seq: number, by: string) => this.event(seq, by, 'file_locked', { filePath: '/f' })
  unlocked = (seq: number, by: string, token: number, reason = 'released') =>
    this.event(seq, by, 'file_unlocked', { filePath: '/f', token, reason })
  changed = (seq: number, by: string, was: number, key = 'k') => this.event(seq, by, 'state_changed', { key, was })

  /** A message that was sent, acknowledged and stored. */
  sent(seq: number, from: string, to: string, number: number, times: readonly [number, number], outcome?: Outcome): this {
    const text = `${from} 0 ${number}`
    this.op(from, { do: 'send', to: [to], text }, times, outcome ?? { ok: { sent: { [to]: `m${seq}` } } })
    this.stored.push({ id: `m${seq}`, from, to, text, seen: true })
    return this.event(seq, from, 'message_received', { messageId: `m${seq}`, from, to })
  }

  read(peer: string, seqs: readonly number[], times: readonly [number, number], life = 0): this {
    const mail = seqs.flatMap((seq) => this.stored.filter(({ id }) => id === `m${seq}`))
    return this.op(peer, { do: 'read', limit: 2, wait: 0 }, times, { ok: { mail } }, life)
  }

  killed(peer: string, at: number, kind: Life['kind'] = 'library'): this {
    const life = this.lives.findIndex((each) => each.peer === peer)
    this.lives[life] = { peer, life: 0, kind, from: 0, ready: 1, killedAt: at, endedAt: at + 2 }
    this.lives.push({ peer, life: 1, kind, from: at + 3, ready: at + 4 })
    return this
  }

  get problems(): readonly string[] {
    const { ops, log, stored, lives, faults, end, diedAlone } = this
    const history = {
      seed: 0,
      deadMs: 2_000,
      peers: ['ann', 'bob'],
      refusedJoins: [],
      diedAlone,
      ops,
      log,
      stored,
      lives,
      faults,
      end,
    }
    return check(JSON.parse(JSON.stringify(history))).problems // as it is kept
  }
}

const lock: Call = { do: 'lock', path: '/f', wait: 0 }
const unlock: Call = { do: 'unlock', path: '/f' }
const set = (value: string, ifVersion?: number): Call => ({
  do: 'set',
  key: 'k',
  value,
  ...(ifVersion !== undefined && { ifVersion }),
})
const get: Call = { do: 'get', key: 'k' }
const unknown: Outcome = { unknown: true }
const token = (token: number | null): Outcome => ({ ok: { token } })
const version = (version: number, value: string): Outcome => ({ ok: { version, value } })
const made = () => new Making()

/** ann holds it by 1 until 2, bob by 3 until 4. */
const twoHolds = () =>
  made()
    .locked(1, 'ann')
    .unlocked(2, 'ann', 1)
    .locked(3, 'bob')
    .unlocked(4, 'bob', 3)
    .op('ann', lock, [10, 11], token(1))
    .op('ann', unlock, [20, 21], token(1))
    .op('bob', lock, [15, 22], token(3))
    .op('bob', unlock, [30, 31], token(3))
/** ann writes 1, bob 2. */
const twoWrites = () =>
  made()
    .changed(1, 'ann', 0)
    .changed(2, 'bob', 1)
    .op('ann', set('a', 0), [10, 12], version(1, 'a'))
    .op('bob', set('b', 1), [20, 22], version(2, 'b'))
/** Three from ann to bob. */
const threeSent = () =>
  made().sent(1, 'ann', 'bob', 1, [10, 11]).sent(2, 'ann', 'bob', 2, [12, 13]).sent(3, 'ann', 'bob', 3, [14, 15])

const good: Record<string, () => Making> = {
  'two holds, of which one was waited for': twoHolds,
  'a renewal, a refusal and looks while it is held': () =>
    twoHolds()
      .op('ann', lock, [16, 17], token(1))
      .op('bob', lock, [12, 13], { refused: 'locked', holders: ['ann'] })
      .op('bob', { do: 'query', path: '/f' }, [12, 13], { ok: { token: 1, holder: 'ann' } })
      .op('bob', { do: 'query', path: '/f' }, [20, 21], token(null)),
  'a lock that its holder’s death freed': () =>
    made().killed('ann', 15).locked(1, 'ann').unlocked(2, 'ann', 1, 'crashed').op('ann', lock, [10, 11], token(1)),
  'a lock whose holder hung for too long': () => {
    const history = made().locked(1, 'ann').unlocked(2, 'ann', 1, 'crashed').op('ann', lock, [10, 11], token(1))
    history.faults.push({ what: 'stop', peer: 'ann', from: 20, to: 3_000 })
    return history
  },
  'a grant that its holder did not live to hear of': () =>
    made().killed('ann', 15).locked(1, 'ann').unlocked(2, 'ann', 1, 'crashed').op('ann', lock, [10, 17], unknown),
  'two writes, looked at meanwhile': () =>
    twoWrites()
      .op('bob', get, [11, 12], { ok: { version: 0 } })
      .op('bob', get, [13, 21], version(1, 'a'))
      .op('ann', set('c', 1), [21, 23], { refused: 'version_conflict', actual: 2 }),
  'a write whose writer did not live to hear of it': () =>
    made()
      .killed('ann', 15)
      .changed(1, 'ann', 0)
      .op('ann', set('a', 0), [10, 17], unknown)
      .op('bob', get, [30, 31], version(1, 'a')),
  'a write that did not happen, whose writer was killed': () =>
    made()
      .killed('ann', 15)
      .op('ann', set('a', 0), [10, 17], unknown)
      .op('bob', get, [30, 31], { ok: { version: 0 } }),
  'mail read in pieces': () => threeSent().read('bob', [1, 2], [20, 21]).read('bob', [3], [22, 23]),
  'mail that its sender did not live to hear of': () =>
    made().killed('ann', 15).sent(1, 'ann', 'bob', 1, [10, 17], unknown).read('bob', [1], [20, 21]),
  'mail in a call that was under way when its program was killed': () =>
    threeSent().killed('bob', 20).op('bob', { do: 'read', limit: 2, wait: 0 }, [19, 22], unknown).read('bob', [3], [30, 31], 1),
  'mail of an agent’s last answer, shown again to its next life': () =>
    threeSent().killed('bob', 20, 'agent').read('bob', [1, 2], [16, 17]).read('bob', [2, 3], [30, 31], 1),
  'mail that an agent was shown in two answers while the disk was full, shown again to its next life': () => {
    const history = threeSent().killed('bob', 25, 'agent').read('bob', [1, 2], [16, 17]).read('bob', [1], [18, 19])
    history.faults.push({ what: 'fill', from: 14, to: 22 })
    return history.read('bob', [1, 2, 3], [30, 31], 1)
  },
  'a log that is followed': () =>
    made()
      .event(1, 'ann', NOTE, { note: 'n' })
      .op('ann', { do: 'announce', note: 'n' }, [10, 11], { ok: { seq: 1 } })
      .op('bob', { do: 'follow', since: 0, limit: 5, wait: 0 }, [20, 21], { ok: { events: [1] } })
      .op('bob', { do: 'follow', since: 1, limit: 5, wait: 0 }, [22, 23], { ok: { events: [] } }),
}

const bad: Record<string, [() => Making, RegExp]> = {
  'two holders, in the log': [
    () => made().locked(1, 'ann').locked(2, 'bob').op('ann', lock, [10, 11], token(1)).op('bob', lock, [12, 13], token(2)),
    /two holders/,
  ],
  'two holders, for their callers alone': [
    () => {
      const history = twoHolds()
      history.ops.push({ ...history.ops[2]!, to: 16 })
      history.ops.splice(2, 1)
      return history
    },
    /was held until/,
  ],
  'a token that went back': [
    () =>
      made()
        .locked(3, 'ann')
        .unlocked(4, 'ann', 3)
        .op('ann', lock, [30, 31], token(3))
        .op('ann', unlock, [32, 33], token(3))
        .locked(5, 'bob')
        .unlocked(6, 'bob', 5)
        .op('bob', lock, [10, 11], token(5))
        .op('bob', unlock, [12, 13], token(5)),
    /stands after it/,
  ],
  'a grant of which the log knows nothing': [() => made().op('ann', lock, [10, 11], token(9)), /not in the log/],
  'a grant that was somebody else’s': [
    () => made().locked(1, 'bob').unlocked(2, 'bob', 1, 'crashed').op('ann', lock, [10, 11], token(1)),
    /not in the log/,
  ],
  'a lock taken from a holder that lives': [
    () => made().locked(1, 'ann').unlocked(2, 'ann', 1, 'crashed').op('ann', lock, [10, 11], token(1)),
    /for no reason/,
  ],
  'a lock freed before its holder was killed': [
    () =>
      twoHolds()
        .killed('ann', 90)
        .locked(5, 'ann')
        .unlocked(6, 'ann', 5, 'crashed')
        .locked(7, 'bob')
        .unlocked(8, 'bob', 7)
        .op('ann', lock, [40, 41], token(5))
        .op('bob', lock, [50, 51], token(7))
        .op('bob', unlock, [52, 53], token(7)),
    /for no reason/,
  ],
  'a lock that ran out': [
    () => made().locked(1, 'ann').unlocked(2, 'ann', 1, 'expired').op('ann', lock, [10, 11], token(1)),
    /for no reason/,
  ],
  'a lock that is never freed': [
    () => made().killed('ann', 15).locked(1, 'ann').op('ann', lock, [10, 11], token(1)),
    /still holds/,
  ],
  'a refusal because of somebody who held nothing': [
    () => twoHolds().op('ann', lock, [40, 41], { refused: 'locked', holders: ['bob'] }),
    /did not hold it/,
  ],
  'a look at a lock that was over': [
    () => twoHolds().op('bob', { do: 'query', path: '/f' }, [40, 41], { ok: { token: 1, holder: 'ann' } }),
    /stands after it/,
  ],
  'nobody holds what is held': [
    () => twoHolds().op('bob', { do: 'query', path: '/f' }, [12, 13], token(null)),
    /held all the time/,
  ],
  'a release of what was held and kept': [
    () => twoHolds().op('ann', unlock, [12, 13], { refused: 'not_holder', holder: null }),
    /not as it was/,
  ],

  'an update that was lost': [
    () => twoWrites().changed(3, 'ann', 1).op('ann', set('c', 1), [30, 31], version(3, 'c')),
    /followed 1, not 2|does not follow/,
  ],
  'two successes of one version': [
    () => twoWrites().op('ann', set('c', 1), [20, 22], version(2, 'c')),
    /not in the log|answers two/,
  ],
  'a compare-and-set on a version that was over': [
    () => twoWrites().changed(3, 'ann', 2).op('ann', set('c', 1), [30, 31], version(3, 'c')),
    /does not follow/,
  ],
  'a stale read': [() => twoWrites().op('ann', get, [30, 31], version(1, 'a')), /stands after it/],
  'a read of the future': [() => twoWrites().op('ann', get, [13, 14], version(2, 'b')), /stands after it/],
  'a reader that goes back': [
    () =>
      made()
        .changed(1, 'ann', 0)
        .op('ann', set('a', 0), [10, 90], version(1, 'a'))
        .op('bob', get, [20, 21], version(1, 'a'))
        .op('bob', get, [30, 31], { ok: { version: 0 } }),
    /stands after it/,
  ],
  'a value that nobody wrote': [() => twoWrites().op('ann', get, [30, 31], version(2, 'z')), /another value/],
  'a version that nobody wrote': [() => twoWrites().op('ann', get, [30, 31], version(7, 'z')), /nobody wrote version/],
  'a refusal although the version fits': [
    () => twoWrites().op('ann', set('c', 2), [30, 31], { refused: 'version_conflict', actual: 2 }),
    /refused for no reason/,
  ],
  'a write that nobody asked for': [() => twoWrites().changed(3, 'ann', 2), /nobody asked/],
  'a write that was refused, and happened': [
    () => twoWrites().changed(3, 'ann', 2).op('ann', set('c', 2), [30, 31], { refused: 'busy' }),
    /nobody asked/,
  ],
  'a write that happened twice': [
    () => made().killed('ann', 15).changed(1, 'ann', 0).changed(2, 'ann', 1).op('ann', set('a'), [10, 17], unknown),
    /nobody asked/,
  ],
  'a write after its writer’s death': [
    () =>
      made()
        .killed('ann', 15)
        .changed(1, 'bob', 0)
        .op('bob', set('b', 0), [30, 31], version(1, 'b'))
        .changed(2, 'ann', 1)
        .op('ann', set('a'), [10, 17], unknown),
    /nobody asked/,
  ],
  'a counter that skips': [
    () => {
      const history = made().changed(1, 'ann', 0, 'counter 0').changed(2, 'bob', 1, 'counter 0')
      const count = (value: string, ifVersion: number): Call => ({ do: 'set', key: 'counter 0', value, ifVersion })
      return history.op('ann', count('1', 0), [10, 11], version(1, '1')).op('bob', count('3', 1), [12, 13], version(2, '3'))
    },
    /counted to 3/,
  ],

  'mail that is lost': [() => threeSent().read('bob', [1], [20, 21]).read('bob', [3], [22, 23]), /never read/],
  'mail that is lost at the end': [() => threeSent().read('bob', [1, 2], [20, 21]), /never read/],
  'mail that is shown twice': [() => threeSent().read('bob', [1, 2], [20, 21]).read('bob', [2, 3], [22, 23]), /shown .* again/],
  'mail of a program that comes again to its next life': [
    () => threeSent().killed('bob', 20).read('bob', [1, 2], [16, 17]).read('bob', [2, 3], [30, 31], 1),
    /shown .* again/,
  ],
  'mail of an earlier answer of an agent that comes again': [
    () =>
      threeSent()
        .killed('bob', 20, 'agent')
        .read('bob', [1], [16, 17])
        .read('bob', [2], [18, 19])
        .read('bob', [1, 3], [30, 31], 1),
    /shown .* again/,
  ],
  'mail that an agent’s death took': [
    () =>
      threeSent()
        .killed('bob', 20, 'agent')
        .op('bob', { do: 'read', limit: 2, wait: 0 }, [19, 22], unknown)
        .read('bob', [3], [30, 31], 1),
    /never read/,
  ],
  'more than a call can have carried': [
    () =>
      threeSent()
        .sent(4, 'ann', 'bob', 4, [16, 17])
        .killed('bob', 20)
        .op('bob', { do: 'read', limit: 2, wait: 0 }, [19, 22], unknown)
        .read('bob', [4], [30, 31], 1),
    /never read/,
  ],
  'mail out of order, as read': [() => threeSent().read('bob', [2, 1, 3], [20, 21]), /never read|a later one/],
  'mail out of a sender’s order, as stored': [
    () => made().sent(1, 'ann', 'bob', 2, [12, 13]).sent(2, 'ann', 'bob', 1, [12, 14]).read('bob', [1, 2], [20, 21]),
    /sent 1 to bob after 2/,
  ],
  'mail that was stored twice': [
    () => made().sent(1, 'ann', 'bob', 1, [10, 11]).sent(2, 'ann', 'bob', 1, [10, 11]).read('bob', [1, 2], [20, 21]),
    /twice/,
  ],
  'mail that was refused, and is there': [
    () => made().sent(1, 'ann', 'bob', 1, [10, 11], { refused: 'busy' }).read('bob', [1], [20, 21]),
    /nobody sent/,
  ],
  'mail that was acknowledged and not stored': [
    () => made().op('ann', { do: 'send', to: ['bob'], text: 'ann 0 1' }, [10, 11], { ok: { sent: { bob: 'm1' } } }),
    /not in the log/,
  ],
  'mail to two that reached one': [
    () => {
      const history = made()
        .killed('ann', 15)
        .op('ann', { do: 'send', to: ['bob', 'ann'], text: 'ann 0 1' }, [10, 17], unknown)
      history.stored.push({ id: 'm1', from: 'ann', to: 'bob', text: 'ann 0 1', seen: true })
      return history.event(1, 'ann', 'message_received', { messageId: 'm1', from: 'ann', to: 'bob' }).read('bob', [1], [20, 21])
    },
    /sent to 1 only/,
  ],
  'mail that says something else': [
    () => {
      const history = made().sent(1, 'ann', 'bob', 1, [10, 11])
      const mail = [{ id: 'm1', from: 'ann', text: 'something else' }]
      return history.op('bob', { do: 'read', limit: 2, wait: 0 }, [20, 21], { ok: { mail } })
    },
    /it was sent as/,
  ],

  'an event that is missed': [
    () => {
      const history = made().event(1, 'ann', NOTE, { note: 'n' }).event(2, 'ann', NOTE, { note: 'o' })
      history.op('ann', { do: 'announce', note: 'n' }, [10, 11], { ok: { seq: 1 } })
      history.op('ann', { do: 'announce', note: 'o' }, [12, 13], { ok: { seq: 2 } })
      return history.op('bob', { do: 'follow', since: 0, limit: 5, wait: 0 }, [20, 21], { ok: { events: [2] } })
    },
    /not what the log says/,
  ],
  'an event that is late': [
    () =>
      made()
        .event(1, 'ann', NOTE, { note: 'n' })
        .op('ann', { do: 'announce', note: 'n' }, [10, 11], { ok: { seq: 1 } })
        .op('bob', { do: 'follow', since: 0, limit: 5, wait: 0 }, [20, 21], { ok: { events: [] } }),
    /had been written before/,
  ],
  'events out of the order of time': [
    () =>
      made()
        .event(1, 'ann', NOTE, { note: 'n' })
        .event(2, 'bob', NOTE, { note: 'o' })
        .op('ann', { do: 'announce', note: 'n' }, [20, 21], { ok: { seq: 1 } })
        .op('bob', { do: 'announce', note: 'o' }, [10, 11], { ok: { seq: 2 } }),
    /stands after it/,
  ],
  'one term twice': [
    () => made().event(1, 'ann', 'leader_elected', { term: 2 }).event(2, 'bob', 'leader_elected', { term: 2 }),
    /elected in term 2 after 2/,
  ],

  'a peer that lives, and is given up': [
    () => made().event(1, 'ann', 'peer_left', { name: 'ann', reason: 'expired' }),
    /ann lived, and was given up/,
  ],
  'a peer that hung for a moment, and is given up': [
    () => {
      const history = made().event(1, 'ann', 'peer_left', { name: 'ann', reason: 'expired' })
      history.faults.push({ what: 'stop', peer: 'ann', from: 20, to: 900 })
      return history
    },
    /ann lived, and was given up/,
  ],
  'a refusal without a reason': [() => made().op('ann', set('a'), [10, 11], { refused: 'disk_full' }), /refused for no reason/],
  'a process that died by itself': [() => Object.assign(made(), { diedAlone: ['ann'] }), /died by itself/],
  'a file that is not whole': [() => withEnd({ integrity: 'row 3 missing' }), /integrity/],
  'a dead peer that is still listed': [() => withEnd({ live: ['ann', 'bob', 'cas'] }), /there live/],
  'a lock that is left': [() => withEnd({ locks: 1 }), /locks are left/],
  'nobody leads': [() => withEnd({ leader: null }), /nobody leads/],
}
const withEnd = (end: Partial<History['end']>) => {
  const history = made()
  history.end = { ...history.end, ...end }
  return history
}

describe('the check of a schedule’s history', () => {
  test.each(Object.keys(good))('accepts %s', (name) => {
    expect(good[name]?.().problems).toEqual([])
  })
  test.each(Object.keys(bad))('refuses %s', (name) => {
    const [history, problem] = bad[name] ?? []
    expect(history?.().problems.join('\n')).toMatch(problem ?? /^$/)
  })
})

test('a seed makes one plan, and another seed another', () => {
  const options = {
    peers: ['ann', 'bob'],
    clocks: ['ann'],
    durationMs: 500,
    restMs: 5,
    faultEveryMs: 100,
    leaderBias: 0.4,
    canFill: true,
  }
  expect(plan(7, options)).toEqual(plan(7, options))
  expect(plan(8, options)).not.toEqual(plan(7, options))
  const faults = Array.from({ length: 50 }, (_, seed) => plan(seed, options).faults).flat()
  expect(new Set(faults.map(({ what }) => what))).toEqual(new Set(['kill', 'stop', 'clock', 'fill']))
  const random = randomFrom(1)
  expect(random.some([1, 2, 3], 3).sort()).toEqual([1, 2, 3])
})
