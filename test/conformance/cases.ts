import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Caller } from '../../src/core/operations.ts'

/** Who takes part in a case: callers of one mesh, and how to end it. */
export interface Door extends AsyncDisposable {
  readonly callers: readonly Caller[]
  /** A directory that exists, for paths. */
  readonly projectPath: string
  /** Names of peers that are there besides the callers: the leader, where the callers speak through it. */
  readonly others?: readonly string[]
  /** How many of the others work in the first one's directory on its machine. Default: all. */
  readonly neighbours?: number
  /** A directory above all others. Default: the root; machines have one each. */
  readonly outermost?: string
}

/** What every way into the mesh must do, whatever carries the calls and whatever stores the answers. */
export function conformance(name: string, open: (callers: number) => Promise<Door>): void {
  describe(`the mesh through ${name}`, () => {
    let door: Door
    let a: Caller
    let b: Caller
    let c: Caller
    let names: { a: string; b: string; c: string }
    let path: (file: string) => string
    let others: readonly string[]

    beforeEach(async () => {
      door = await open(3)
      const [first, second, third] = door.callers
      if (!first || !second || !third) throw new Error('three callers are needed')
      ;[a, b, c] = [first, second, third]
      const nameOf = async (caller: Caller) => (await caller('peer.list', {})).self.name
      names = { a: await nameOf(a), b: await nameOf(b), c: await nameOf(c) }
      path = (file) => `${door.projectPath}/${file}`
      others = door.others ?? []
    })
    afterEach(() => door[Symbol.asyncDispose]())

    const rejects = (promise: Promise<unknown>, code: string) => expect(promise).rejects.toMatchObject({ code })

    describe('peers', () => {
      test('each sees itself and the two others, each under a name of its own', async () => {
        const { self, peers } = await a('peer.list', {})
        expect(self.status).toBe('active')
        expect(peers.map((peer) => peer.name).sort()).toEqual([names.b, names.c, ...others].sort())
        expect(new Set(Object.values(names)).size).toBe(3)
      })

      test('a summary is seen by the others, and one past its limit is refused and changes nothing', async () => {
        await a('peer.describe', { summary: 'rewriting the parser' })
        await rejects(a('peer.describe', { summary: 'x'.repeat(2_501) }), 'invalid')
        const { peers } = await b('peer.list', {})
        expect(peers.find((peer) => peer.name === names.a)?.summary).toBe('rewriting the parser')
      })

      test('those of one directory are in its scope', async () => {
        expect((await a('peer.list', { scope: 'directory' })).peers).toHaveLength(door.neighbours ?? 2 + others.length)
      })
    })

    describe('messages', () => {
      test('a message is read once, by its recipient only, as it was sent', async () => {
        const payload = 'Grüße, 日本 🦦 "quotes" \\ and\nlines'
        const sent = await a('message.send', { to: names.b, message: payload })
        expect(sent.recipients).toMatchObject([{ name: names.b, state: 'queued', away: false }])
        expect((await c('message.inbox', {})).messages).toEqual([])
        const { messages } = await b('message.inbox', {})
        expect(messages).toMatchObject([{ id: sent.messageId, from: { name: names.a }, payload, type: 'text', readAt: null }])
        expect((await b('message.inbox', {})).messages).toEqual([])
      })

      test('unread mail comes oldest first, a limit at a time, and says that there is more', async () => {
        for (let i = 0; i < 5; i++) await a('message.send', { to: names.b, message: `${i}` })
        const first = await b('message.inbox', { limit: 3 })
        expect(first.messages.map((m) => m.payload)).toEqual(['0', '1', '2'])
        expect(first.more).toBe(true)
        const second = await b('message.inbox', { limit: 3 })
        expect(second.messages.map((m) => m.payload)).toEqual(['3', '4'])
        expect(second.more).toBe(false)
      })

      test('a peer is addressed by name, in any case, by id, and by a unique id prefix', async () => {
        const { self } = await b('peer.list', {})
        for (const to of [names.b, names.b.toUpperCase(), self.id, self.id.slice(0, -1)])
          await a('message.send', { to, message: to })
        expect((await b('message.inbox', {})).messages).toHaveLength(4)
      })

      test('all reaches everybody but the sender; a list reaches each once', async () => {
        const all = await a('message.send', { to: 'all', message: 'everybody' })
        expect(all.messageIds).toHaveLength(2 + others.length)
        const some = await a('message.send', { to: [names.b, names.c, names.b], message: 'you two' })
        expect(some.recipients.map((r) => r.name)).toEqual([names.b, names.c])
        expect((await a('message.inbox', {})).messages).toEqual([])
        expect((await c('message.inbox', {})).messages.map((m) => m.payload)).toEqual(['everybody', 'you two'])
      })

      test('an unknown recipient is an error with suggestions, and sends to nobody', async () => {
        const typo = `${names.b}x`
        await expect(a('message.send', { to: [names.c, typo], message: 'x' })).rejects.toMatchObject({
          code: 'unknown_peer',
          facts: { suggestions: expect.arrayContaining([names.b]) },
        })
        expect((await c('message.inbox', {})).messages).toEqual([])
      })

      test('the sender can follow a message from queued over seen to acked', async () => {
        const state = async () => (await a('message.inbox', { filter: 'sent' })).messages.map((m) => m.state)
        const { messageId = '' } = await a('message.send', { to: names.b, message: 'will you?' })
        expect(await state()).toEqual(['queued'])
        await b('message.inbox', {})
        // Noted only after the answer has left, so a moment later.
        await expect.poll(state).toEqual(['seen'])
        await b('message.send', { to: names.a, message: 'I will', replyTo: messageId })
        expect(await state()).toEqual(['acked'])
      })

      test('replies share a thread that both can read', async () => {
        const { messageId = '' } = await a('message.send', { to: names.b, message: '1' })
        const reply = await b('message.send', { to: names.a, message: '2', replyTo: messageId })
        await a('message.send', { to: names.b, message: '3', replyTo: reply.messageId ?? '' })
        for (const caller of [a, b])
          expect((await caller('message.inbox', { filter: 'all', thread: messageId })).messages.map((m) => m.payload)).toEqual([
            '1',
            '2',
            '3',
          ])
        await rejects(c('message.send', { to: names.a, message: 'me too', replyTo: messageId }), 'not_found')
      })

      test('mail can be filtered by sender', async () => {
        await a('message.send', { to: names.c, message: 'from a' })
        await b('message.send', { to: names.c, message: 'from b' })
        expect((await c('message.inbox', { from: names.b })).messages.map((m) => m.payload)).toEqual(['from b'])
        expect((await c('message.inbox', {})).messages.map((m) => m.payload)).toEqual(['from a'])
      })

      test('a message may have 64 KiB and not a byte more, and json must be JSON', async () => {
        await a('message.send', { to: names.b, message: 'ä'.repeat(32 * 1024) })
        await rejects(a('message.send', { to: names.b, message: `${'ä'.repeat(32 * 1024)}x` }), 'too_large')
        await a('message.send', { to: names.b, message: '{"ok":true}', type: 'json' })
        await rejects(a('message.send', { to: names.b, message: '{ok}', type: 'json' }), 'invalid')
        await rejects(a('message.send', { to: names.b, message: '' }), 'invalid')
        expect((await b('message.inbox', { filter: 'all' })).messages.length).toBeGreaterThan(0)
      })

      test('a wait ends when mail comes, and at its time when none does', async () => {
        const waiting = b('message.inbox', { wait: 20 })
        await a('message.send', { to: names.b, message: 'now' })
        expect((await waiting).messages.map((m) => m.payload)).toEqual(['now'])
        expect((await b('message.inbox', { wait: 0.05 })).messages).toEqual([])
      })
    })

    describe('state', () => {
      test('a value is read as it was written, with who and when', async () => {
        const { entry } = await a('state.set', { key: 'schema', value: '{"v":1}', namespace: 'db' })
        expect((await b('state.get', { key: 'schema', namespace: 'db' })).entry).toEqual(entry)
        expect(entry).toMatchObject({ key: 'schema', namespace: 'db', value: '{"v":1}', updatedBy: { name: names.a } })
        await rejects(b('state.get', { key: 'schema' }), 'not_found')
      })

      test('versions only grow, also across a delete, and compare-and-set holds to them', async () => {
        const one = (await a('state.set', { key: 'k', value: '1', ifVersion: 0 })).entry
        await rejects(b('state.set', { key: 'k', value: 'x', ifVersion: 0 }), 'version_conflict')
        const two = (await b('state.set', { key: 'k', value: '2', ifVersion: one.version })).entry
        await rejects(a('state.set', { key: 'k', value: 'x', ifVersion: one.version }), 'version_conflict')
        await rejects(a('state.delete', { key: 'k', ifVersion: one.version }), 'version_conflict')
        await a('state.delete', { key: 'k', ifVersion: two.version })
        await rejects(a('state.delete', { key: 'k' }), 'not_found')
        const three = (await a('state.set', { key: 'k', value: '3', ifVersion: 0 })).entry
        expect([one.version < two.version, two.version < three.version]).toEqual([true, true])
      })

      test('a list is of one namespace, by prefix, in the order of its keys', async () => {
        for (const key of ['b/2', 'a', 'b/1', 'b', 'c%_']) await a('state.set', { key, value: key })
        await a('state.set', { key: 'b/3', value: 'other', namespace: 'other' })
        const keys = async (prefix: string) => (await b('state.list', { prefix })).entries.map((entry) => entry.key)
        expect(await keys('')).toEqual(['a', 'b', 'b/1', 'b/2', 'c%_'])
        expect(await keys('b/')).toEqual(['b/1', 'b/2'])
        expect(await keys('%')).toEqual([])
      })

      test('keys, namespaces and values have limits', async () => {
        await a('state.set', { key: 'k'.repeat(512), namespace: 'n'.repeat(128), value: 'v'.repeat(256 * 1024) })
        await rejects(a('state.set', { key: 'k'.repeat(513), value: '' }), 'invalid')
        await rejects(a('state.set', { key: 'k', namespace: 'n'.repeat(129), value: '' }), 'invalid')
        await rejects(a('state.set', { key: 'k', value: 'v'.repeat(256 * 1024 + 1) }), 'too_large')
        await rejects(a('state.get', { key: 'k' }), 'not_found')
      })
    })

    describe('locks', () => {
      test('excludes the others until it is given back, and says who, why and until when', async () => {
        const { lock } = await a('lock.acquire', { filePath: path('x.ts'), reason: 'renaming' })
        await expect(b('lock.acquire', { filePath: path('x.ts') })).rejects.toMatchObject({
          code: 'locked',
          facts: { conflicts: [{ holder: { name: names.a }, reason: 'renaming', until: lock?.expiresAt, kind: 'held' }] },
        })
        expect((await b('lock.query', { filePath: path('x.ts') })).locks).toMatchObject([{ lockedBy: { name: names.a } }])
        await rejects(b('lock.release', { filePath: path('x.ts') }), 'not_holder')
        // Taking it away is for people at a shell or a dashboard.
        await rejects(b('lock.release', { filePath: path('x.ts'), force: true }), 'not_holder')
        await a('lock.release', { filePath: path('x.ts') })
        const next = await b('lock.acquire', { filePath: path('x.ts') })
        expect(next.lock?.token).toBeGreaterThan(lock?.token ?? 0)
      })

      test('the holder renews and keeps its token', async () => {
        const first = (await a('lock.acquire', { filePath: path('x'), ttlMinutes: 1, reason: 'first' })).lock
        const again = (await a('lock.acquire', { filePath: path('x'), ttlMinutes: 60 })).lock
        expect(again?.token).toBe(first?.token)
        expect(again?.reason).toBe('first')
        expect(Date.parse(again?.expiresAt ?? '')).toBeGreaterThan(Date.parse(first?.expiresAt ?? '') + 50 * 60_000)
      })

      test('a directory covers what is below it, and what is below stands in its way', async () => {
        await a('lock.acquire', { filePath: path('src') })
        await rejects(b('lock.acquire', { filePath: path('src/deep/file.ts') }), 'locked')
        await b('lock.acquire', { filePath: path('src2/file.ts') })
        await rejects(a('lock.acquire', { filePath: path('src2') }), 'locked')
        await rejects(c('lock.acquire', { filePath: door.outermost ?? '/' }), 'locked')
      })

      test('several at once are all granted or none', async () => {
        await a('lock.acquire', { filePath: path('2') })
        await rejects(b('lock.acquire', { filePath: [path('1'), path('2'), path('3')] }), 'locked')
        expect((await b('lock.query', {})).locks.map((lock) => lock.lockedBy.name)).toEqual([names.a])
        await a('lock.release', { filePath: path('2') })
        expect((await b('lock.acquire', { filePath: [path('1'), path('2'), path('3'), path('./1')] })).locks).toHaveLength(3)
      })

      test('who waits in line gets it when it is released, first come first served', async () => {
        await a('lock.acquire', { filePath: path('x') })
        const order: string[] = []
        const second = b('lock.acquire', { filePath: path('x'), wait: 20 }).then(() => order.push('b'))
        await expect.poll(async () => (await a('mesh.status', {})).locks).toBe(1)
        // b stands in line once it is refused for others too: c is told that b has waited longer, or that a holds it.
        await expect
          .poll(async () =>
            c('lock.acquire', { filePath: path('x') }).catch((e) => e.facts.conflicts.map((k: { kind: string }) => k.kind)),
          )
          .toEqual(['held', 'awaited'])
        const third = c('lock.acquire', { filePath: path('x'), wait: 20 }).then(() => order.push('c'))
        await a('lock.release', { filePath: path('x') })
        await second
        await b('lock.release', { filePath: path('x') })
        await third
        expect(order).toEqual(['b', 'c'])
      })

      test('a wait that ends without the lock says so and leaves the line', async () => {
        await a('lock.acquire', { filePath: path('x') })
        await rejects(b('lock.acquire', { filePath: path('x'), wait: 0.1 }), 'locked')
        await a('lock.release', { filePath: path('x') })
        await c('lock.acquire', { filePath: path('x') })
      })

      test('times and reasons have limits', async () => {
        for (const ttlMinutes of [0, -5, 1441, 1e18])
          await rejects(a('lock.acquire', { filePath: path('x'), ttlMinutes }), 'invalid')
        await rejects(a('lock.acquire', { filePath: path('x'), reason: 'r'.repeat(501) }), 'invalid')
        await rejects(a('lock.acquire', { filePath: `/${'p'.repeat(4096)}` }), 'invalid')
        await rejects(a('lock.acquire', { filePath: '' }), 'invalid')
        await rejects(a('lock.acquire', { filePath: 'a\0b' }), 'invalid')
        expect((await a('lock.query', {})).locks).toEqual([])
      })
    })

    describe('events', () => {
      test('a subscriber reads each event of its types once, not its own doings', async () => {
        await a('event.subscribe', { types: ['state_changed', 'x_built'] })
        await b('state.set', { key: 'k', value: 'v' })
        await b('event.emit', { types: ['x_built'], payload: { target: 'app', nested: { deep: [1, null] } } })
        await b('event.emit', { types: ['x_other'] })
        await a('state.set', { key: 'mine', value: 'v' })
        const { events } = await a('event.read', {})
        expect(events).toMatchObject([
          { type: 'state_changed', payload: { namespace: 'default', key: 'k' }, emittedBy: { name: names.b } },
          { type: 'x_built', payload: { target: 'app', nested: { deep: [1, null] } } },
        ])
        expect((await a('event.read', {})).events).toEqual([])
      })

      test('a cursor goes on where it stopped', async () => {
        const { cursor } = await a('event.read', { limit: 1 })
        for (let i = 0; i < 5; i++) await a('event.emit', { types: ['x_n'], payload: { i } })
        const first = await b('event.read', { since: cursor, types: ['x_n'], limit: 2 })
        const rest = await b('event.read', { since: first.cursor, types: ['x_n'] })
        expect([...first.events, ...rest.events].map((event) => event.payload.i)).toEqual([0, 1, 2, 3, 4])
        expect([first.more, rest.more]).toEqual([true, false])
      })

      test('since takes a time as well', async () => {
        expect((await a('event.read', { since: '2100-01-01T00:00:00Z' })).events).toEqual([])
        expect((await a('event.read', { since: '1990-01-01T00:00:00Z' })).events.length).toBeGreaterThan(0)
        await rejects(a('event.read', { since: 'yesterday' }), 'invalid')
      })

      test('a wait ends with the first event of its types', async () => {
        const waiting = a('event.read', { types: ['x_done'], wait: 20 })
        await b('event.emit', { types: ['x_noise'] })
        // The wait may begin after the first of these: emitting goes on until it has been heard.
        let heard = false
        void waiting.then(() => {
          heard = true
        })
        while (!heard) await b('event.emit', { types: ['x_done'] })
        expect((await waiting).events[0]?.type).toBe('x_done')
      })

      test('what happens is announced: messages by id only, locks, joining', async () => {
        const { cursor } = await a('event.read', { limit: 1 })
        await a('message.send', { to: names.b, message: 'secret' })
        await a('lock.acquire', { filePath: path('x') })
        await a('lock.release', { filePath: path('x') })
        // An election of another machine may fall in between.
        const types = ['message_received', 'file_locked', 'file_unlocked', 'peer_joined']
        const { events } = await b('event.read', { since: cursor, types })
        expect(events.map((event) => event.type)).toEqual(['message_received', 'file_locked', 'file_unlocked'])
        expect(JSON.stringify(events)).not.toContain('secret')
        expect(events[2]?.payload).toMatchObject({ reason: 'released' })
      })

      test('built-in types cannot be forged, and unsubscribing ends the telling', async () => {
        await rejects(a('event.emit', { types: ['peer_left'] }), 'invalid')
        await rejects(a('event.emit', { types: ['no spaces'] }), 'invalid')
        expect((await a('event.subscribe', { types: ['*'] })).subscribed).toEqual(['*'])
        expect((await a('event.unsubscribe', {})).subscribed).toEqual([])
      })
    })

    test('status counts what is there and names the leader', async () => {
      await a('message.send', { to: names.b, message: 'x' })
      await expect.poll(async () => (await a('mesh.status', {})).leader?.name).toMatch(/./)
      const status = await a('mesh.status', {})
      expect(status).toMatchObject({
        self: { name: names.a, unread: 0 },
        peers: { active: 3 + others.length, stale: 0, away: 0, total: 3 + others.length },
        messages: { total: 1, unread: 1 },
      })
      expect([...Object.values(names), ...others]).toContain(status.leader?.name)
      expect(status.db.sizeBytes).toBeGreaterThan(0)
    })

    test('a field that is not known is refused by name', async () => {
      await expect(a('peer.list', { scop: 'machine' } as never)).rejects.toThrow(/scop/)
    })
  })
}
