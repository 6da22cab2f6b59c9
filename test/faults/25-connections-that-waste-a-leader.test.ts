import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { leading } from '../support/leader.ts'
import { servingLeader } from '../support/leader-watch.ts'
import { askRaw, statusOf } from '../support/raw-http.ts'
import { run } from '../support/run.ts'
import { patience, scaled } from '../support/scale.ts'

const MIB = 1024 * 1024

/**
 * More than a listener's backlog at once, and the system forgets connections that their client takes for open: who says
 * nothing is never told.
 */
const TOGETHER = 200

/** Opens a connection, sends these bytes and then nothing; `closed` resolves when the other side has closed it. */
function hold(port: number, bytes: string): { opened: Promise<void>; closed: Promise<void>; socket: Socket } {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.on('data', () => {})
  socket.write(bytes)
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const opened = new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  return { socket, closed, opened: Promise.race([opened, closed]) }
}

test('headers and bodies that come slowly or never are cut off, while others are served', async () => {
  await using mesh = await leading()
  const head = `POST /send HTTP/1.1\r\nHost: 127.0.0.1:${mesh.port}\r\nAuthorization: Bearer ${mesh.token}\r\nContent-Type: application/json\r\n`
  const slow = [
    hold(mesh.port, 'GET /health HTT'),
    hold(mesh.port, `GET /health HTTP/1.1\r\nHost: 127.0.0.1:${mesh.port}\r\nX-Slow: `),
    hold(mesh.port, `${head}Content-Length: 1000\r\n\r\n{"toPeer":`),
    hold(mesh.port, `${head}Transfer-Encoding: chunked\r\n\r\n5\r\n{"to`),
    hold(mesh.port, ''),
  ]
  expect((await mesh.ask('/status')).status).toBe(200)
  await Promise.all(slow.map(({ closed }) => closed))
  expect((await mesh.ask('/status')).body.messages.total).toBe(0)
})

test('a crowd of idle connections is bounded and let go, and a command works while it is there', {
  timeout: patience(60_000),
}, async () => {
  await using agent = await Agent.start()
  const { port } = await servingLeader(agent)
  const count = scaled(400, 10_000)
  const crowd: ReturnType<typeof hold>[] = []
  while (crowd.length < count) {
    const more = Array.from({ length: Math.min(TOGETHER, count - crowd.length) }, () => hold(port, ''))
    crowd.push(...more)
    await Promise.all(more.map(({ opened }) => opened))
  }
  // The place of a leader that has no room is the file.
  const { code, out } = await run(['peers', '--json'], { SLM_MESH_DATA_DIR: agent.dir })
  expect({ code, ok: JSON.parse(out).ok }).toEqual({ code: 0, ok: true })
  await Promise.all(crowd.map(({ closed }) => closed))
  expect(await servingLeader(agent)).toMatchObject({ port, pid: agent.pid })
  report(25, {
    load: 'a command at a shell',
    injected: count,
    more: 'idle connections, all closed by the leader, the command served meanwhile',
  })
})

test('a body of 1 MiB is read, one of a byte more is refused with 413, announced or not, and the leader goes on', async () => {
  await using mesh = await leading()
  const bodyOf = (bytes: number) => {
    const frame = JSON.stringify({ toPeer: 'cli', payload: '' })
    return JSON.stringify({ toPeer: 'cli', payload: 'x'.repeat(bytes - frame.length) })
  }
  // Read to its end, it is still too long for a message.
  expect(await mesh.ask('/send', bodyOf(MIB))).toMatchObject({ status: 413, body: { code: 'too_large' } })
  expect(await mesh.ask('/send', bodyOf(MIB + 1))).toMatchObject({ status: 413, body: { code: 'body_too_large' } })
  const head = `POST /send HTTP/1.1\r\nHost: 127.0.0.1:${mesh.port}\r\nAuthorization: Bearer ${mesh.token}\r\nContent-Type: application/json\r\n`
  const chunk = `${(64 * 1024).toString(16)}\r\n${'x'.repeat(64 * 1024)}\r\n`
  const endless = `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(20)}`
  expect(statusOf(await askRaw(mesh.port, endless))).toBe(413)
  expect(statusOf(await askRaw(mesh.port, `${head}Content-Length: 99999999999\r\n\r\n{}`))).toBe(413)
  expect((await mesh.ask('/status')).body.messages.total).toBe(0)
})

test('paths that are written in tricky ways lead nowhere else', async () => {
  await using mesh = await leading()
  const auth = `Host: 127.0.0.1:${mesh.port}\r\nAuthorization: Bearer ${mesh.token}\r\nConnection: close\r\n`
  for (const path of [
    ...[
      '/../health',
      '/./status',
      '//status',
      '/status/',
      '/%73tatus',
      '/status%00',
      '/status%2f..',
      '/STATUS',
      '/status;x',
      '/..%2f..%2fetc/passwd',
    ],
    ...['/leader.token', '/mesh.db', '/%2e%2e/leader.token', '\\status', '/status\\..', '/\u00e9'],
  ]) {
    const status = statusOf(await askRaw(mesh.port, Buffer.from(`GET ${path} HTTP/1.1\r\n${auth}\r\n`, 'latin1')))
    expect([path, [0, 400, 404].includes(status)]).toEqual([path, true])
  }
  expect(statusOf(await askRaw(mesh.port, `GET http://evil.example/status HTTP/1.1\r\n${auth}\r\n`))).not.toBe(200)
})

test('requests in the forms that smuggle a second one are refused, and nothing of it is taken for a request', async () => {
  await using mesh = await leading()
  const own = `Host: 127.0.0.1:${mesh.port}`
  const auth = `Authorization: Bearer ${mesh.token}\r\nContent-Type: application/json`
  const second = `GET /smuggled HTTP/1.1\r\n${own}\r\n\r\n`
  const forms: [what: string, bytes: string][] = [
    [
      'both lengths',
      `POST /send HTTP/1.1\r\n${own}\r\n${auth}\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${second}`,
    ],
    [
      'two lengths',
      `POST /send HTTP/1.1\r\n${own}\r\n${auth}\r\nContent-Length: 2\r\nContent-Length: ${second.length}\r\n\r\n{}${second}`,
    ],
    ['a signed length', `POST /send HTTP/1.1\r\n${own}\r\n${auth}\r\nContent-Length: +2\r\n\r\n{}`],
    ['a length in hex', `POST /send HTTP/1.1\r\n${own}\r\n${auth}\r\nContent-Length: 0x2\r\n\r\n{}`],
    ['an unknown encoding', `POST /send HTTP/1.1\r\n${own}\r\n${auth}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${second}`],
    [
      'a folded header',
      `POST /send HTTP/1.1\r\n${own}\r\n${auth}\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 2\r\n\r\n{}`,
    ],
    ['a space before the colon', `POST /send HTTP/1.1\r\n${own}\r\n${auth}\r\nContent-Length : 2\r\n\r\n{}`],
    ['a bad chunk size', `POST /send HTTP/1.1\r\n${own}\r\n${auth}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`],
    ['two hosts', `GET /status HTTP/1.1\r\n${own}\r\nHost: evil.example\r\n${auth}\r\n\r\n`],
    ['a header with NUL', `GET /status HTTP/1.1\r\n${own}\r\n${auth}\r\nX: a\0b\r\n\r\n`],
    ['headers without end', `GET /status HTTP/1.1\r\n${own}\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
    ['another protocol', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`],
    ['CONNECT', `CONNECT evil.example:443 HTTP/1.1\r\n${own}\r\n${auth}\r\n\r\n`],
    ['an upgrade', `GET /status HTTP/1.1\r\n${own}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`],
  ]
  for (const [what, bytes] of forms) {
    const answer = await askRaw(mesh.port, bytes, { untilClosed: false })
    expect([what, statusOf(answer) >= 400 || statusOf(answer) === 0]).toEqual([what, true])
    expect(answer.match(/HTTP\/1\.1/g)?.length ?? 0).toBeLessThanOrEqual(1)
  }
  const metrics = String((await mesh.ask('/metrics')).body)
  expect(metrics).not.toContain('smuggled')
  await eventually(async () => (await mesh.ask('/status')).status === 200)
  report(25, { load: 'a leader', injected: forms.length, more: 'smuggling forms, 0 taken' })
})
