import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Leadership } from '../../src/core/leadership.ts'
import { createObserver, judge, type Verdict } from '../../src/peer/election.ts'
import { LEASE_MS, openElection, ROUND_MS } from './elections.ts'
import { candidate, fakeProcesses } from './fakes.ts'

type Row = Pick<Leadership, 'term' | 'peer'>
const heldBy = (pid: number, term = 7): Row => ({ term, peer: { ...candidate(pid), electedAt: 0 } })
const SELF = candidate(1).socketPath

test.each<[string, Verdict, Row, number | null, number]>([
  ['nobody leads', { stand: 'vacant' }, { term: 7, peer: null }, null, 0],
  ['nobody leads, long since', { stand: 'vacant' }, { term: 7, peer: null }, null, 9_999],
  ['another leads and lives', 'follow', heldBy(2), null, 0],
  ['another leads and was heard of just in time', 'follow', heldBy(2), null, 2_499],
  ['another leads and has been silent for half a lease', { stand: 'hung' }, heldBy(2), null, 2_500],
  ['another leads and is dead', { stand: 'dead' }, heldBy(3), null, 0],
  ['another leads, is dead, and was silent before', { stand: 'dead' }, heldBy(3), null, 9_999],
  ['this one leads', 'lead', heldBy(1), 7, 0],
  ['this one leads, however silent it was', 'lead', heldBy(1), 7, 9_999],
  ['the row says this one leads, but its duties ended', { stand: 'hung' }, heldBy(1), null, 0],
  ['the row has this one in a later term than it serves', { stand: 'hung' }, heldBy(1), 6, 0],
  ['this one led, and another has the next term', 'follow', heldBy(2), 6, 0],
])('%s: %j', (_, verdict, row, leadingTerm, silentMs) => {
  const { kill, isGone } = fakeProcesses()
  kill(3)
  expect(judge(row, { socketPath: SELF, leadingTerm }, isGone, { silentMs, hangMs: 2_500 })).toEqual(verdict)
})

test.each<[string, [sign: string, atMs: number, silentMs: number][]]>([
  [
    'a sign that never moves is silence',
    [
      ['x', 5_000, 0],
      ['x', 5_500, 500],
      ['x', 6_000, 1_000],
    ],
  ],
  [
    'every movement ends it',
    [
      ['x', 5_000, 0],
      ['x', 5_500, 500],
      ['y', 6_000, 0],
      ['y', 6_500, 500],
    ],
  ],
  [
    'an older sign that comes again is a movement',
    [
      ['x', 5_000, 0],
      ['y', 5_500, 0],
      ['x', 6_000, 0],
    ],
  ],
  [
    'a round that is late counts as one: this process may itself have slept',
    [
      ['x', 5_000, 0],
      ['x', 5_500, 500],
      ['x', 7_000, 1_000],
      ['x', 7_500, 1_500],
    ],
  ],
  [
    'one that came after a sleep starts anew',
    [
      ['x', 5_000, 0],
      ['x', 6_501, 0],
      ['x', 7_000, 499],
    ],
  ],
  [
    'the first look is no silence, however late',
    [
      ['x', 9_000_000, 0],
      ['x', 9_000_500, 500],
    ],
  ],
])('%s', (_, rounds) => {
  const observer = createObserver(500)
  for (const [sign, at, silentMs] of rounds) expect(observer.observe(sign, at)).toBe(silentMs)
})

test('a leader that moves every other round is never taken for hung, however long all sleep, and wherever in a round', () => {
  const roundMs = LEASE_MS / 5
  const sleeps = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5 * roundMs })), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(sleeps, fc.nat(1), (slept, movesAt) => {
      const observer = createObserver(roundMs)
      let now = 1_000_000
      slept.forEach((ms, round) => {
        now += roundMs + ms
        const silentMs = observer.observe(`${Math.floor((round + movesAt) / 2)}`, now)
        expect(silentMs).toBeLessThan(LEASE_MS / 2)
      })
    }),
  )
})

describe('round by round', () => {
  test('where nobody leads a peer stands, and says so in the log of events', async () => {
    await using mesh = await openElection()
    const a = mesh.join(1)
    const before = mesh.row().term
    expect(await a.runOnce()).toEqual({ stand: 'vacant' })
    expect(a.leadingTerm).toBe(before + 1)
    expect(mesh.row()).toMatchObject({ term: before + 1, peer: { id: 'p_1' } })
    expect(await a.runOnce()).toBe('lead')
    expect(a.said).toEqual([`leads ${before + 1}`])
    const { events } = await mesh.store.events.readLatest(['leader_elected'], 10)
    expect(events.map(({ payload }) => payload)).toEqual([{ term: before + 1, because: 'vacant', previous: null }])
  })

  test('a living leader is followed, over a link whose closing will be noticed', async () => {
    await using mesh = await openElection()
    const [a, b] = [mesh.join(1), mesh.join(2)]
    await a.runOnce()
    expect(await b.runOnce()).toBe('follow')
    expect(b.said).toEqual(['ping p_1'])
    mesh.link(b, a)
    mesh.clock.pass(ROUND_MS)
    await b.runOnce()
    expect(b.said).toEqual(['ping p_1']) // the guard moves, and the link is open: nothing to ask
    expect(b.leadingTerm).toBeNull()
  })

  test('a dead leader is replaced at once', async () => {
    await using mesh = await openElection()
    const [a, b] = [mesh.join(1), mesh.join(2)]
    await a.runOnce()
    await b.runOnce()
    mesh.processes.kill(1)
    expect(await b.runOnce()).toEqual({ stand: 'dead' })
    expect(b.leadingTerm).toBe((a.leadingTerm ?? 0) + 1)
    const { events } = await mesh.store.events.readLatest(['leader_elected'], 1)
    expect(events[0]?.payload).toMatchObject({ because: 'dead', previous: { id: 'p_1', name: 'peer-1' } })
  })

  test('a silent one only after half a lease, and is asked for a sign before', async () => {
    await using mesh = await openElection()
    const [a, b] = [mesh.join(1), mesh.join(2)]
    await a.runOnce()
    mesh.link(b, a)
    await b.runOnce()
    for (let passed = ROUND_MS; passed < LEASE_MS / 2; passed += ROUND_MS) {
      mesh.clock.pass(ROUND_MS)
      expect(await b.runOnce()).toBe('follow')
    }
    expect(b.said).toContain('ping p_1')
    mesh.clock.pass(ROUND_MS)
    expect(await b.runOnce()).toEqual({ stand: 'hung' })
    expect(b.leadingTerm).toBe(mesh.row().term)
  })

  test.each(['guard', 'pong'] as const)('a %s that moves in time keeps the leader in office', async (sign) => {
    await using mesh = await openElection()
    const [a, b] = [mesh.join(1), mesh.join(2)]
    await a.runOnce()
    for (let round = 0; round < 20; round++) {
      if (round % 4 === 0) mesh.giveSign(sign, a)
      expect(await b.runOnce()).toBe('follow')
      mesh.clock.pass(ROUND_MS)
    }
  })

  test('a follower that has slept itself starts to observe anew', async () => {
    await using mesh = await openElection()
    const [a, b] = [mesh.join(1), mesh.join(2)]
    await a.runOnce()
    await b.runOnce()
    mesh.clock.pass(2 * LEASE_MS)
    expect(await b.runOnce()).toBe('follow')
    for (let passed = ROUND_MS; passed < LEASE_MS / 2; passed += ROUND_MS) {
      mesh.clock.pass(ROUND_MS)
      expect(await b.runOnce()).toBe('follow')
    }
    mesh.clock.pass(ROUND_MS)
    expect(await b.runOnce()).toEqual({ stand: 'hung' })
  })

  test('a jump of the wall clock moves nothing', async () => {
    await using mesh = await openElection()
    const [a, b] = [mesh.join(1), mesh.join(2)]
    await a.runOnce()
    await b.runOnce()
    for (const jump of [86_400_000, -2 * 86_400_000]) {
      mesh.clock.jump(jump)
      mesh.clock.pass(ROUND_MS)
      expect([await a.runOnce(), await b.runOnce()]).toEqual(['lead', 'follow'])
    }
  })

  test('a leader whose term has moved on stops serving before anything else, and follows', async () => {
    await using mesh = await openElection()
    const [a, b] = [mesh.join(1), mesh.join(2)]
    await a.runOnce()
    const term = mesh.row().term
    await mesh.usurp(b)
    a.said.length = 0
    expect(await a.runOnce()).toBe('follow')
    expect(a.said).toEqual([`ended ${term}`, 'ping p_2'])
    expect(a.leadingTerm).toBeNull()
    expect(mesh.guards.has(term)).toBe(false)
    expect(mesh.row()).toMatchObject({ term: term + 1, peer: { id: 'p_2' } }) // its resigning touched no later term
  })

  test('a leader whose guard is compromised, or whose duties fail, steps down and leaves the office vacant', async () => {
    await using mesh = await openElection()
    const a = mesh.join(1)
    await a.runOnce()
    mesh.compromise(mesh.row().term)
    await mesh.settled(() => mesh.row().peer === null)
    expect(a.leadingTerm).toBeNull()

    const b = mesh.join(2, { lead: () => Promise.reject(new Error('no port is free')) })
    await b.runOnce()
    await mesh.settled(() => mesh.row().peer === null)
    expect(b.leadingTerm).toBeNull()
    expect(mesh.guards.size).toBe(0)
  })

  test('who cannot take up the duties lets the others go first, and tries again after a lease, not without pause', async () => {
    await using mesh = await openElection()
    const broken = mesh.join(1, { lead: () => Promise.reject(new Error('the program was replaced')) })
    await broken.runOnce()
    await mesh.settled(() => mesh.row().peer === null)
    const { term } = mesh.row()
    for (let round = 0; round < 4; round++) {
      mesh.clock.pass(ROUND_MS)
      await broken.runOnce()
      expect(mesh.row()).toMatchObject({ term, peer: null })
    }
    mesh.clock.pass(LEASE_MS)
    await broken.runOnce()
    await mesh.settled(() => mesh.row().term === term + 1 && mesh.row().peer === null)
    const whole = mesh.join(2)
    await whole.runOnce()
    expect(whole.leadingTerm).toBe(term + 2)
    expect(await broken.runOnce()).toBe('follow')
  })

  test('who resigns leaves the office to the next, and stands no more', async () => {
    await using mesh = await openElection()
    const [a, b] = [mesh.join(1), mesh.join(2)]
    await a.runOnce()
    const term = mesh.row().term
    await a.resign()
    expect(mesh.row()).toMatchObject({ term, peer: null })
    await a.runOnce()
    expect(mesh.row().peer).toBeNull()
    expect(await b.runOnce()).toEqual({ stand: 'vacant' })
    expect(mesh.row()).toMatchObject({ term: term + 1, peer: { id: 'p_2' } })
  })

  test('who steps aside lets another lead, and may lead again after that one', async () => {
    await using mesh = await openElection()
    const [a, b] = [mesh.join(1), mesh.join(2)]
    await a.runOnce()
    const term = mesh.row().term
    expect(await a.stepAside()).toBe(true)
    expect(a.said).toEqual([`leads ${term}`, `ended ${term}`])
    expect(mesh.row()).toMatchObject({ term, peer: null })
    expect(mesh.guards.size).toBe(0)
    await a.runOnce()
    expect(mesh.row().peer).toBeNull() // the others come first
    await b.runOnce()
    expect(mesh.row()).toMatchObject({ term: term + 1, peer: { id: 'p_2' } })
    expect(await a.runOnce()).toBe('follow')
    mesh.processes.kill(2)
    expect(await a.runOnce()).toEqual({ stand: 'dead' })
    expect(a.leadingTerm).toBe(term + 2)
  })

  test('where nobody else wants it, who stepped aside leads again after a lease, and not before', async () => {
    await using mesh = await openElection()
    const a = mesh.join(1)
    await a.runOnce()
    const term = mesh.row().term
    await a.stepAside()
    mesh.clock.jump(10 * LEASE_MS) // the wall clock decides nothing
    mesh.clock.pass(LEASE_MS - 1)
    await a.runOnce()
    expect(mesh.row()).toMatchObject({ term, peer: null })
    mesh.clock.pass(1)
    await a.runOnce()
    expect(a.leadingTerm).toBe(term + 1)
  })

  test('who does not lead steps aside for nobody', async () => {
    await using mesh = await openElection()
    const [a, b] = [mesh.join(1), mesh.join(2)]
    await a.runOnce()
    expect(await b.stepAside()).toBe(false)
    mesh.processes.kill(1)
    await b.runOnce()
    expect(b.leadingTerm).toBe(mesh.row().term)
  })

  test('who steps aside while standing gives up what it wins', async () => {
    await using mesh = await openElection()
    const a = mesh.join(1)
    const round = a.runOnce()
    expect(await a.stepAside()).toBe(true)
    await round
    expect(mesh.row().peer).toBeNull()
  })

  test('of two who stand at once one leads and the other follows it', async () => {
    await using mesh = await openElection()
    const both = [mesh.join(1), mesh.join(2)]
    const before = mesh.row().term
    await Promise.all(both.map((peer) => peer.runOnce()))
    await mesh.settled(() => both.some(({ said }) => said.some((what) => what.startsWith('ping'))))
    expect(mesh.row().term).toBe(before + 1)
    expect(both.filter(({ leadingTerm }) => leadingTerm !== null)).toHaveLength(1)
    expect(mesh.guards.size).toBe(1)
  })

  test('who leaves while standing does not end up in an office that nobody fills', async () => {
    await using mesh = await openElection()
    const a = mesh.join(1)
    const round = a.runOnce()
    await a.resign()
    await round
    await mesh.settled(() => mesh.row().peer === null)
    expect(a.leadingTerm).toBeNull()
    expect(mesh.guards.size).toBe(0)
  })

  test('a look finds a leader that is gone a moment after its link has closed', async () => {
    await using mesh = await openElection()
    const [a, b] = [mesh.join(1), mesh.join(2)]
    await a.runOnce()
    const looked = b.said.length
    b.look()
    await mesh.settled(() => b.said.length > looked) // still there at the first look
    mesh.processes.kill(1)
    await mesh.settled(() => b.leadingTerm !== null)
    expect(mesh.row()).toMatchObject({ peer: { id: 'p_2' } })
  })
})
