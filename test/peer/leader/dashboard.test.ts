import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { VERSION } from '../../../src/core/version.ts'
import { proofOf } from '../../../src/peer/leader/client.ts'
import type { MessagePage, Overview } from '../../../src/peer/leader/dashboard/contract.ts'
import { PAGE_PATHS } from '../../../src/peer/leader/dashboard/places.ts'
import { type Leading, leading } from '../../support/leader.ts'
import { inFile } from '../../support/mesh-file.ts'
import { askRaw, statusOf } from '../../support/raw-http.ts'

/** What the leader serves to a browser, over real HTTP. */

let mesh: Leading
beforeEach(async () => {
  mesh = await leading()
})
afterEach(() => mesh[Symbol.asyncDispose]())

/** Asks with a browser's key. */
async function browser() {
  const key = await mesh.peer.store.browserKeys.mint()
  return (path: string, body?: unknown) => mesh.ask(path, body, { authorization: `Bearer ${key}` })
}

/** A GET as Node sends it: nothing is added or decoded. */
function get(path: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; bytes: Buffer }>((resolve, reject) => {
    request({ host: '127.0.0.1', port: mesh.port, path, headers, agent: false }, async (response) => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk)
      resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes: Buffer.concat(chunks) })
    })
      .once('error', reject)
      .end()
  })
}

test('the leader shows a page that it is one, with what only a reader of the file knows, for the port that it listens on', async () => {
  const key = await mesh.peer.store.browserKeys.mint()
  const digest = createHash('sha256').update(key).digest('hex')
  const prove = (start: string) => mesh.ask(`/dashboard/proof?key=${start}&challenge=hello`, undefined, { authorization: '' })
  const { status, body } = await prove(digest.slice(0, 16))
  const { term, pid } = body
  expect({ status, pid }).toEqual({ status: 200, pid: process.pid })
  expect(body.proof).toBe(proofOf(digest, 'hello', { port: mesh.port, term, pid }))
  // Who has no key learns nothing.
  expect(await prove('0'.repeat(16))).toMatchObject({ status: 401, body: { code: 'token' } })
  for (const bad of [digest, digest.slice(0, 15), '%', 'ghijklmnghijklmn']) expect((await prove(bad)).status).toBe(400)
})

describe('the page', () => {
  test('is open to all, runs nothing but its own script, loads nothing from elsewhere, and cannot be framed', async () => {
    for (const path of PAGE_PATHS) {
      const { status, headers } = await get(path)
      expect(status).toBe(200)
      expect(headers).toMatchObject({
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': 'no-store',
      })
      const policy = String(headers['content-security-policy']).split('; ')
      expect(policy).toEqual(
        expect.arrayContaining([
          ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"],
          ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
        ]),
      )
      expect(policy.join()).not.toMatch(/unsafe|\*|https?:|data:/)
    }
    const html = (await get('/')).bytes.toString()
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|<style|https?:/)
  })

  test('is of the type that it says, and compressed as the browser takes it', async () => {
    for (const [path, type] of [
      ['/', 'text/html'],
      ['/dashboard/app.js', 'text/javascript'],
      ['/dashboard/app.css', 'text/css'],
      ['/dashboard/icon.svg', 'image/svg+xml'],
    ] as const) {
      const plain = await get(path)
      expect(plain.headers['content-type']).toBe(`${type}; charset=utf-8`)
      expect(plain.headers['content-encoding']).toBeUndefined()
      const br = await get(path, { 'accept-encoding': 'gzip, deflate, br, zstd' })
      expect(br.headers['content-encoding']).toBe('br')
      expect(brotliDecompressSync(br.bytes)).toEqual(plain.bytes)
      const gz = await get(path, { 'accept-encoding': 'gzip' })
      expect(gz.headers['content-encoding']).toBe('gzip')
      expect(gunzipSync(gz.bytes)).toEqual(plain.bytes)
    }
  })

  test('comes to whoever follows a link to it, and to no page that embeds or fetches it', async () => {
    const as = async (path: string, headers: Record<string, string>) => (await get(path, headers)).status
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
    expect(await as('/', link)).toBe(200)
    for (const other of [
      { ...link, 'sec-fetch-dest': 'iframe' },
      { ...link, 'sec-fetch-dest': 'script', 'sec-fetch-mode': 'no-cors' },
      { ...link, 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
      { ...link, origin: 'http://evil.example' },
      { 'sec-fetch-site': 'cross-site' },
    ])
      expect([other, await as('/', other)]).toEqual([other, 403])
    for (const path of ['/?', '/dashboard/app.js', '/dashboard/overview', '/status', '/health'])
      expect([path, await as(path, link)]).toEqual([path, 403])
  })

  test('is for this name alone, and nothing beside its files is', async () => {
    for (const path of PAGE_PATHS)
      expect(statusOf(await askRaw(mesh.port, `GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`))).toBe(
        421,
      )
    for (const path of [
      '/dashboard/',
      '/dashboard/index.html',
      '/dashboard/../leader.token',
      '/dashboard/%2e%2e/x',
      '/index.html',
    ])
      expect([path, (await get(path)).status]).toEqual([path, 401])
  })
})

describe('a browser key', () => {
  test('opens what the page needs, as the person at it', async () => {
    const ask = await browser()
    expect((await ask('/dashboard/overview')).status).toBe(200)
    expect((await ask('/dashboard/messages')).status).toBe(200)
    expect((await ask('/status')).body.self.name).toBe('dashboard')
    expect((await ask('/peers', {})).status).toBe(200)
    expect((await ask('/send', { toPeer: mesh.peer.self.name, payload: 'hello', fromPeer: 'dashboard' })).status).toBe(200)
    expect((await ask('/state', { action: 'set', key: 'k', value: 'v' })).body.entry.updatedBy).toBe('dashboard')
    const [message] = (await ask('/dashboard/messages')).body.messages
    expect(message).toMatchObject({ payload: 'hello', from: { id: 'dashboard', name: 'dashboard', agentType: 'human' } })
  })

  test('acts as nobody else, and neither leads nor registers', async () => {
    const ask = await browser()
    const script = await mesh.script('nightly')
    for (const name of ['cli', mesh.peer.self.name, script.id, 'nobody', 7, null])
      for (const [path, body] of [
        ['/send', { toPeer: 'cli', payload: 'x', fromPeer: name }],
        ['/messages', { peerId: name }],
        ['/state', { action: 'set', key: 'k', value: 'v', peerId: name }],
        ['/lock', { action: 'lock', filePath: '/tmp/x', peerId: name }],
        ['/events', { peerId: name }],
        ['/summary', { summary: 'x', peerId: name }],
      ] as const)
        expect([path, name, (await ask(path, body)).status]).toEqual([path, name, name === null ? expect.any(Number) : 403])
    expect((await ask('/status?peerId=cli')).status).toBe(403)
    for (const [path, body] of [
      ['/handover', {}],
      ['/register', { pid: process.pid, projectPath: '/tmp' }],
      ['/heartbeat', { peerId: script.id }],
      ['/unregister', { peerId: script.id }],
    ] as const)
      expect(await ask(path, body)).toMatchObject({ status: 403, body: { ok: false, code: 'browser' } })
    expect(mesh.peer.store.leadership.isLeading(mesh.term, mesh.peer.store.leadership.read().peer?.socketPath ?? '')).toBe(true)
  })

  test('is refused once its time is over, and where it is not one', async () => {
    const key = await mesh.peer.store.browserKeys.mint()
    const status = async (bearer: string) =>
      (await mesh.ask('/dashboard/overview', undefined, { authorization: `Bearer ${bearer}` })).status
    expect(await status(key)).toBe(200)
    for (const other of ['', key.slice(1), `${key}x`, key.toUpperCase(), 'A'.repeat(43)]) expect(await status(other)).toBe(401)
    await mesh.peer.store.leadership.fenced(mesh.term, mesh.peer.store.leadership.read().peer?.socketPath ?? '', (tx) =>
      tx.run('UPDATE browser_keys SET expires_uptime = 0'),
    )
    expect(await status(key)).toBe(401)
  })

  test('stands in the file as a digest only', async () => {
    const key = await mesh.peer.store.browserKeys.mint()
    const rows = inFile(mesh.dir, (file) => file.prepare('SELECT * FROM browser_keys').all())
    expect(rows).toHaveLength(1)
    expect(JSON.stringify(rows)).not.toContain(key)
  })
})

describe('the overview', () => {
  test('has everything that the page begins with, as its contract says', async () => {
    const ask = await browser()
    const agent = await mesh.script('builder')
    await agent.call('state.set', { namespace: 'build', key: 'status', value: 'green' })
    await agent.call('lock.acquire', { filePath: '/tmp/a.ts', reason: 'tests' })
    await agent.call('message.send', { to: 'dashboard', message: 'hello' })
    const { body, status } = await ask('/dashboard/overview')
    const overview: Overview = body
    expect(status).toBe(200)
    expect(overview).toMatchObject({
      version: VERSION,
      leader: { name: mesh.peer.self.name, pid: process.pid, term: mesh.term, port: mesh.port, agentType: 'test-0' },
      elections: 1,
      namespaces: [{ namespace: 'build', keys: 1 }],
      locks: [{ filePath: '/tmp/a.ts', holder: { name: 'builder' }, reason: 'tests', waiters: [] }],
      stored: { messages: 1, sizeBytes: expect.any(Number), walSizeBytes: expect.any(Number) },
      figures: { sent: 1 },
      lastMessage: 1,
    })
    expect(overview.peers.map(({ name, kind, unread }) => `${name} ${kind} ${unread}`).sort()).toEqual(
      ['builder script 0', 'cli known 0', 'dashboard known 1', `${mesh.peer.self.name} session 0`].sort(),
    )
    expect(overview.lastEvent).toBe(await mesh.peer.store.events.lastSeq())
    expect(Math.abs(Date.parse(overview.now) - Date.now())).toBeLessThan(60_000)
  })

  test('is read as often as one likes: the limit is one of writes', async () => {
    const ask = await browser()
    for (let i = 0; i < 150; i++) expect((await ask(i % 2 ? '/dashboard/overview' : '/dashboard/messages')).status).toBe(200)
  })
})

test("everybody's mail is searched by its text, and read page by page", async () => {
  const ask = await browser()
  const [ann, ben] = [await mesh.script('ann'), await mesh.script('ben')]
  for (let i = 0; i < 3; i++) await ann.call('message.send', { to: 'ben', message: `letter ${i}` })
  await ben.call('message.send', { to: 'ann', message: 'A Reply <script>alert(1)</script>' })
  const page = async (query: string): Promise<MessagePage> => (await ask(`/dashboard/messages${query}`)).body
  expect((await page('?limit=2')).messages.map(({ payload }) => payload)).toEqual([
    'A Reply <script>alert(1)</script>',
    'letter 2',
  ])
  const { messages, more, next } = await page('?limit=3')
  expect([messages.length, more, next]).toEqual([3, true, messages[2]?.seq])
  expect((await page(`?before=${next}`)).messages.map(({ payload }) => payload)).toEqual(['letter 0'])
  expect((await page('?text=a%20REPLY')).messages).toHaveLength(1)
  expect((await page(`?peer=${ann.id}&after=0`)).messages).toHaveLength(4)
  for (const query of ['?before=x', '?limit=0', '?limit=201', '?nothing=1', '?text=%00', '?peer='])
    expect(await ask(`/dashboard/messages${query}`)).toMatchObject({ status: 400, body: { code: 'invalid' } })
})
