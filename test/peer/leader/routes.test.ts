import { request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { VERSION } from '../../../src/core/version.ts'
import { joinMesh } from '../../../src/peer/peer.ts'
import { meshEnv, testDir } from '../../support/data-dir.ts'
import { eventually } from '../../support/eventually.ts'
import { type Leading, leading } from '../../support/leader.ts'

/** REST as its clients know it, over real HTTP. What every way into the mesh must do is in test/conformance. */

let mesh: Leading
beforeEach(async () => {
  mesh = await leading()
})
afterEach(() => mesh[Symbol.asyncDispose]())

const post = (path: string, body: unknown, headers?: Record<string, string>) => mesh.ask(path, body, headers)

describe('health', () => {
  test('is open to all and says status, version, uptime, term and pid, and is for no cache', async () => {
    const { status, headers, body } = await mesh.ask('/health', undefined, { authorization: '' })
    expect(status).toBe(200)
    expect(body).toEqual({
      ok: true,
      status: 'ok',
      version: VERSION,
      uptime: expect.any(Number),
      term: mesh.term,
      pid: process.pid,
    })
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('content-type')).toMatch(/^application\/json/)
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  test('answers a challenge with a proof that only this leader on this port can give', async () => {
    const { body } = await mesh.ask('/health', undefined, { 'slm-mesh-challenge': 'x' })
    expect(body.proof).toMatch(/^[0-9a-f]{64}$/)
    const other = await mesh.ask('/health', undefined, { 'slm-mesh-challenge': 'y' })
    expect(other.body.proof).not.toBe(body.proof)
  })
})

test('what is not there is 404, what has another method is 405 and says which, and neither is told without the token', async () => {
  for (const path of ['/dashboard', '/healthy', '/health/', '//health', '/HEALTH', '/send/', '/metrics/x']) {
    expect(await mesh.ask(path)).toMatchObject({ status: 404, body: { ok: false, error: expect.any(String), code: 'no_route' } })
    expect(await mesh.ask(path, undefined, { authorization: '' })).toMatchObject({ status: 401, body: { code: 'token' } })
  }
  const sent = await mesh.ask('/send')
  expect(sent).toMatchObject({ status: 405, body: { ok: false, code: 'method' } })
  expect(sent.headers.get('allow')).toBe('POST')
  expect((await post('/health', {})).headers.get('allow')).toBe('GET, HEAD')
})

test('every route wants the token, but health and what shows a page that this is the leader', async () => {
  const document = (await mesh.ask('/openapi.json')).body
  const routes = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item as object).map((method) => ({ path, method })),
  )
  expect(routes.length).toBeGreaterThanOrEqual(15)
  for (const { path, method } of routes) {
    if (path === '/health' || path === '/dashboard/proof') continue
    for (const authorization of ['', 'Bearer ', 'Bearer x', `Basic ${mesh.token}`, mesh.token, `Bearer ${mesh.token}x`]) {
      const answer = await mesh.ask(path, method === 'post' ? {} : undefined, { authorization })
      expect([path, authorization, answer.status]).toEqual([path, authorization, 401])
      expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    }
  }
})

test('status has what clients of the broker-based system read, and the leader', async () => {
  const { body } = await mesh.ask('/status')
  expect(body).toMatchObject({
    ...{ ok: true, status: 'ok', version: VERSION, pid: process.pid, port: mesh.port, uptime: expect.any(Number) },
    peers: { active: expect.any(Number), stale: 0, total: expect.any(Number) },
    messages: { total: expect.any(Number), undelivered: expect.any(Number) },
    locks: { active: expect.any(Number) },
    events: { total: expect.any(Number) },
    db: { sizeBytes: expect.any(Number), walSizeBytes: expect.any(Number) },
    leader: { name: mesh.peer.self.name, term: mesh.term, pid: process.pid, port: mesh.port },
  })
})

describe('scripts', () => {
  test('register, act under their id, and leave', async () => {
    const { body } = await post('/register', { pid: process.pid, projectPath: '/tmp', name: 'auto', agentType: 'aider' })
    expect(body).toEqual({ ok: true, peerId: expect.stringMatching(/^p_/), name: expect.stringMatching(/^[a-z]+-[a-z]+$/) })
    const { peers } = (await post('/peers', {})).body
    expect(peers).toContainEqual(
      expect.objectContaining({
        ...{ id: body.peerId, agentType: 'aider', projectPath: '/tmp', status: 'active', pid: process.pid },
      }),
    )
    expect((await post('/heartbeat', { peerId: body.peerId })).body).toEqual({ ok: true })
    await post('/lock', { action: 'lock', filePath: '/tmp/of-a-script', peerId: body.peerId })
    expect((await post('/unregister', { peerId: body.peerId })).body).toEqual({ ok: true })
    expect((await post('/lock', { action: 'query', filePath: '/tmp/of-a-script' })).body.locks).toEqual([])
    expect((await post('/peers', {})).body.peers.map((peer: { id: string }) => peer.id)).not.toContain(body.peerId)
    for (const [path, more] of [
      ['/heartbeat', {}],
      ['/summary', { summary: 'x' }],
      ['/state', { action: 'set', key: 'k', value: 'v' }],
    ] as const)
      expect(await post(path, { peerId: body.peerId, ...more })).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })

  test('who comes back under its name finds its mail', async () => {
    const first = (await post('/register', { pid: process.pid, projectPath: '/tmp', name: 'nightly' })).body
    await post('/unregister', { peerId: first.peerId })
    await post('/send', { fromPeer: 'cli', toPeer: 'nightly', payload: 'while you were away' })
    const second = (await post('/register', { pid: process.pid, projectPath: '/tmp', name: 'nightly' })).body
    expect(second).toEqual(first)
    expect((await post('/messages', { peerId: 'nightly', filter: 'unread' })).body.messages).toMatchObject([
      { payload: 'while you were away' },
    ])
  })

  test('names that mean something, bad pids and relative places are refused', async () => {
    for (const bad of [
      { name: 'cli' },
      { name: 'All' },
      { name: 'a b' },
      { name: '' },
      { pid: 0 },
      { pid: 1.5 },
      { pid: '7' },
      { projectPath: 'relative' },
      { udsPath: join(testDir(), 'no-socket-here') },
      { unknown: 1 },
    ]) {
      const answer = await post('/register', { pid: process.pid, projectPath: '/tmp', ...bad })
      expect([bad, answer.status, answer.body.code]).toEqual([bad, 400, 'invalid'])
    }
  })

  test('a script with a socket of its own is rung there, and nobody removes that socket', async () => {
    const path = join(testDir(), 'own.sock')
    let rung = ''
    const server = createServer((socket) => socket.on('data', (chunk) => (rung += chunk)))
    await new Promise<void>((resolve) => server.listen(path, resolve))
    const { peerId } = (await post('/register', { pid: process.pid, projectPath: '/tmp', udsPath: path })).body
    await post('/send', { fromPeer: 'cli', toPeer: peerId, payload: 'ring' })
    await eventually(() => rung.includes('"k":"ring"'))
    expect((await post('/register', { pid: 1, projectPath: '/tmp', udsPath: path })).body.code).toBe('invalid')
    await post('/unregister', { peerId })
    server.close()
  })

  test('a script whose process has ended is noticed', async () => {
    await using short = await leading({ SLM_MESH_DEAD_MS: '1000', SLM_MESH_STALE_MS: '500', SLM_MESH_HEARTBEAT_MS: '200' })
    const { peerId } = (await short.ask('/register', { pid: 2 ** 31 - 1, projectPath: '/tmp' })).body
    await eventually(async () => {
      const { events } = (await short.ask('/events', { types: ['peer_left'] })).body
      return events.some(
        (event: { payload: { id: string; reason: string } }) => event.payload.id === peerId && event.payload.reason === 'expired',
      )
    })
  })
})

describe('acting for others', () => {
  test('nobody speaks for a session', async () => {
    const session = mesh.peer.self.id
    for (const [path, body] of [
      ['/send', { fromPeer: session, toPeer: 'cli', payload: 'x' }],
      ['/summary', { peerId: session, summary: 'x' }],
      ['/state', { action: 'set', key: 'k', value: 'v', peerId: session }],
      ['/lock', { action: 'lock', filePath: '/tmp/x', peerId: session }],
      ['/events', { action: 'subscribe', types: ['*'], peerId: session }],
      ['/heartbeat', { peerId: session }],
      ['/unregister', { peerId: session }],
    ] as const)
      expect(await post(path, body)).toMatchObject({ status: 403, body: { ok: false, code: 'impersonation' } })
  })

  test("a session's mailbox can be looked into, and nothing is taken out of it", async () => {
    await post('/send', { fromPeer: 'dashboard', toPeer: mesh.peer.self.name, payload: 'for the session' })
    for (let i = 0; i < 2; i++) {
      const { messages } = (await post('/messages', { peerId: mesh.peer.self.name, filter: 'unread' })).body
      expect(messages.at(-1)).toMatchObject({
        ...{ payload: 'for the session', fromPeer: 'dashboard', toPeer: mesh.peer.self.id, delivered: false, readAt: null },
        from: { id: 'dashboard', name: 'dashboard' },
      })
    }
    expect((await mesh.peer.call('message.inbox', {})).messages.at(-1)).toMatchObject({ payload: 'for the session' })
  })

  test('what an agent answers to the shell is read there, once', async () => {
    const { messageId } = (await post('/send', { toPeer: mesh.peer.self.id, payload: 'how far are you?' })).body
    await mesh.peer.call('message.send', { to: 'cli', message: 'nearly done', replyTo: messageId })
    const unread = (await post('/messages', { peerId: 'cli' })).body.messages
    expect(unread).toMatchObject([{ payload: 'nearly done', replyTo: messageId }])
    expect((await post('/messages', { peerId: 'cli' })).body.messages).toEqual([])
  })
})

describe('answers as older clients read them', () => {
  test('an entry that is not there is an empty answer; deleting it is one as well', async () => {
    expect(await post('/state', { action: 'get', key: 'nothing' })).toMatchObject({
      status: 200,
      body: { ok: true, entry: null },
    })
    expect(await post('/state', { action: 'delete', key: 'nothing' })).toMatchObject({
      status: 200,
      body: { ok: true, entry: null },
    })
  })

  test('who did it is an id, with the name beside it', async () => {
    const { id, name } = await mesh.script()
    const set = (await post('/state', { action: 'set', key: 'k', value: 'v', peerId: id })).body.entry
    expect(set).toMatchObject({ key: 'k', value: 'v', namespace: 'default', updatedBy: id, updatedByName: name })
    const { lock } = (await post('/lock', { action: 'lock', filePath: '/tmp/l', peerId: id, reason: 'r', ttlMinutes: 1 })).body
    expect(lock).toMatchObject({ lockedBy: id, lockedByName: name, reason: 'r', token: expect.any(Number) })
    const { events } = (await post('/events', { types: ['file_locked'], limit: 1 })).body
    expect(events).toMatchObject([{ emittedBy: id, emittedByName: name }])
    await post('/lock', { action: 'unlock', filePath: '/tmp/l', peerId: id })
  })

  test('a conflict is 409 with one readable sentence', async () => {
    const { id, name } = await mesh.script()
    await post('/lock', { action: 'lock', filePath: '/tmp/held', peerId: id, reason: 'mine' })
    const answer = await post('/lock', { action: 'lock', filePath: '/tmp/held' })
    expect(answer).toMatchObject({ status: 409, body: { ok: false, code: 'locked', facts: { conflicts: [{ holder: { id } }] } } })
    expect(answer.body.error).toContain(`is locked by ${name} until`)
    await post('/state', { action: 'set', key: 'v', value: '1' })
    expect(await post('/state', { action: 'set', key: 'v', value: '2', ifVersion: 0 })).toMatchObject({ status: 409 })
  })

  test('peers are the living; those that are away come on request; one may be left out', async () => {
    const { id } = await mesh.script('leaves-soon')
    await post('/unregister', { peerId: id })
    const ids = async (body: object) => (await post('/peers', body)).body.peers.map((peer: { id: string }) => peer.id)
    expect(await ids({})).not.toContain(id)
    expect(await ids({ away: true })).toContain(id)
    expect(await ids({ excludeId: mesh.peer.self.id })).not.toContain(mesh.peer.self.id)
    expect(await ids({ scope: 'directory', projectPath: process.cwd() })).toContain(mesh.peer.self.id)
    expect(await ids({ scope: 'directory', projectPath: '/' })).not.toContain(mesh.peer.self.id)
    expect(await ids({ scope: 'repo', gitRoot: process.cwd() })).toContain(mesh.peer.self.id)
    // Who does not say where it stands sees everybody.
    expect(await ids({ scope: 'directory' })).toContain(mesh.peer.self.id)
    expect(await ids({ scope: 'repo', gitRoot: '/' })).not.toContain(mesh.peer.self.id)
  })
})

test('a relative path of somebody without a directory is refused; with one it is meant there', async () => {
  expect(await post('/lock', { action: 'lock', filePath: 'a.ts' })).toMatchObject({ status: 400 })
  const { lock } = (await post('/lock', { action: 'lock', filePath: 'a.ts', projectPath: '/tmp' })).body
  expect(lock.filePath).toMatch(/\/tmp\/a\.ts$/)
  await post('/lock', { action: 'unlock', filePath: '/tmp/a.ts' })
})

test('bodies that are no JSON object, or not marked as JSON, change nothing', async () => {
  const before = (await mesh.ask('/status')).body.messages.total
  const good = JSON.stringify({ toPeer: 'cli', payload: 'x' })
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/jsonp', ''])
    expect(await post('/send', good, { 'content-type': type })).toMatchObject({ status: 415, body: { code: 'media_type' } })
  for (const body of ['', '[]', 'null', '"x"', '{', `${good}x`, '{"toPeer":"cli",}', '\ufeff{'])
    expect(await post('/send', body)).toMatchObject({ status: 400, body: { code: 'body' } })
  expect((await mesh.ask('/status')).body.messages.total).toBe(before)
  expect((await post('/send', good, { 'content-type': 'application/json; charset=utf-8' })).status).toBe(200)
})

test('a field that is not known is named, also where it is the name that another door has for it', async () => {
  for (const [field, body] of [
    ['to', { to: 'cli', payload: 'x' }],
    ['message', { toPeer: 'cli', payload: 'x', message: 'x' }],
    ['__proto__', JSON.parse('{"toPeer":"cli","payload":"x","__proto__":{"a":1}}')],
    ['constructor', { toPeer: 'cli', payload: 'x', constructor: 1 }],
  ] as const) {
    const answer = await post('/send', body)
    expect([field, answer.status]).toEqual([field, 400])
    expect(answer.body.error).toContain(field)
  }
})

test('too many writes of one caller are told when to come again, and others are not concerned', async () => {
  await using limited = await leading({ SLM_MESH_RATE: '20' })
  const { id } = await limited.script()
  const set = (peerId: string) => limited.ask('/state', { action: 'set', key: 'k', value: 'v', peerId })
  const answers = await Promise.all(Array.from({ length: 60 }, () => set(id)))
  const refused = answers.filter(({ status }) => status === 429)
  expect(refused.length).toBeGreaterThanOrEqual(30)
  expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  expect(refused[0]?.body).toMatchObject({ ok: false, code: 'rate_limited' })
  expect((await set('cli')).status).toBe(200)
})

test('mail to a waiting script wakes it, whoever sends it', async () => {
  const { id, call } = await mesh.script()
  await using other = await joinMesh({ env: meshEnv(mesh.dir), agentType: 'other' })
  for (const send of [mesh.peer.call, other.call]) {
    const waiting = call('message.inbox', { wait: 60 })
    await eventually(async () => (await mesh.ask('/metrics')).status === 200)
    await send('message.send', { to: id, message: 'wake up' })
    expect((await waiting).messages).toMatchObject([{ payload: 'wake up' }])
  }
})

test('a caller that goes away while it waits leaves nothing behind, and its mail stays unread', async () => {
  const { id, call } = await mesh.script()
  const gone = new AbortController()
  const waiting = call('lock.acquire', { filePath: '/tmp/line', wait: 60 }, { signal: gone.signal })
  await expect(waiting).resolves.toMatchObject({ lock: { filePath: expect.any(String) } })
  const second = await mesh.script()
  const inLine = second.call('lock.acquire', { filePath: '/tmp/line', wait: 60 }, { signal: gone.signal })
  const waitingForMail = second.call('message.inbox', { wait: 60 }, { signal: gone.signal })
  gone.abort()
  await expect(inLine).rejects.toMatchObject({ code: 'cancelled' })
  await expect(waitingForMail).rejects.toMatchObject({ code: 'cancelled' })
  await call('lock.release', { filePath: '/tmp/line' })
  await eventually(async () => (await call('lock.acquire', { filePath: '/tmp/line' })).lock)
  await call('message.send', { to: second.id, message: 'still unread' })
  expect((await second.call('message.inbox', {})).messages).toMatchObject([{ payload: 'still unread' }])
  await post('/unregister', { peerId: id })
})

test('an answer that never left leaves its mail unread', async () => {
  const { id, call } = await mesh.script()
  await post('/send', { toPeer: id, payload: 'x'.repeat(60_000) })
  // A reader that goes before it has taken the answer; with luck it takes it, and then the mail has been seen.
  const seen = await new Promise<boolean>((resolve, reject) => {
    const asking = request(`${mesh.url}/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${mesh.token}`, 'content-type': 'application/json' },
    })
    asking.on('error', () => resolve(false))
    asking.on('response', (response) => response.resume().on('end', () => resolve(true)))
    asking.on('socket', (socket) => socket.once('connect', () => setImmediate(() => socket.destroy())))
    asking.end(JSON.stringify({ peerId: id }))
    asking.on('close', () => resolve(false))
    asking.on('timeout', reject)
  })
  expect(seen).toBe(false)
  const again = await call('message.inbox', { filter: 'all' })
  expect(again.messages).toHaveLength(1)
})

test('a leader whose term is over says 503 and steps down', async () => {
  await using deposed = await leading()
  await deposed.peer.store.leadership.resign(deposed.term, deposed.peer.store.leadership.read().peer?.socketPath ?? '')
  const answer = await deposed.ask('/health').catch(() => undefined)
  if (answer) expect(answer).toMatchObject({ status: 503, body: { ok: false, code: 'not_leader' } })
  await eventually(() => {
    const { term, port } = deposed.peer.store.leadership.read()
    return term > deposed.term && port !== null
  })
})
