import { expect, test } from 'vitest'
import { openapi } from '../../src/peer/leader/openapi.ts'
import { report } from '../support/figures.ts'
import { type Leading, leading } from '../support/leader.ts'
import { askRaw, statusOf } from '../support/raw-http.ts'

/** What a browser sends for a page that is not ours, to every route there is, with the right token and without it. */

const paths = openapi().paths as Record<string, Record<string, unknown>>
const routes = Object.entries(paths).flatMap(([path, item]) =>
  Object.keys(item).map((method) => ({ path, method: method.toUpperCase() })),
)

function raw(
  mesh: Leading,
  { path, method }: { path: string; method: string },
  headers: readonly string[],
  host = `127.0.0.1:${mesh.port}`,
) {
  const body = method === 'POST' ? '{}' : ''
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...(host === '' ? [] : [`Host: ${host}`]),
    `Authorization: Bearer ${mesh.token}`,
    ...(body && !headers.some((header) => /^content-type/i.test(header)) ? ['Content-Type: application/json'] : []),
    ...(body ? [`Content-Length: ${body.length}`] : []),
    'Connection: close',
    ...headers,
  ]
  return askRaw(mesh.port, `${lines.join('\r\n')}\r\n\r\n${body}`)
}

test('a foreign Host is refused on every route, health among them, and no answer allows another origin anything', async () => {
  await using mesh = await leading()
  let asked = 0
  for (const route of [...routes, { path: '/', method: 'GET' }, { path: '/nothing', method: 'POST' }]) {
    for (const host of [
      'evil.example',
      `evil.example:${mesh.port}`,
      '127.0.0.1',
      `127.0.0.1:${mesh.port + 1}`,
      `localhost.evil.example:${mesh.port}`,
      `0.0.0.0:${mesh.port}`,
    ]) {
      const answer = await raw(mesh, route, [], host)
      expect([route, host, statusOf(answer)]).toEqual([route, host, 421])
      expect(answer.toLowerCase()).not.toContain('access-control-')
      asked++
    }
  }
  report(24, { load: 'a leader', injected: asked, more: 'requests with a foreign Host, 0 reached a handler' })
})

test('a foreign origin, an origin of null, and what a browser marks as cross-site are refused on every route', async () => {
  await using mesh = await leading()
  let asked = 0
  for (const route of routes) {
    for (const header of [
      'Origin: http://evil.example',
      'Origin: null',
      'Origin: ',
      `Origin: https://127.0.0.1:${mesh.port}`,
      `Origin: http://127.0.0.1:${mesh.port + 1}`,
      'Origin: http://localhost',
      'Origin: file://',
      'Sec-Fetch-Site: cross-site',
      'Sec-Fetch-Site: same-site',
    ]) {
      const answer = await raw(mesh, route, [header])
      expect([route, header, statusOf(answer)]).toEqual([route, header, 403])
      expect(answer.toLowerCase()).not.toContain('access-control-')
      asked++
    }
  }
  const status = { path: '/status', method: 'GET' }
  for (const own of [
    `Origin: http://127.0.0.1:${mesh.port}`,
    `Origin: http://localhost:${mesh.port}`,
    'Sec-Fetch-Site: same-origin',
    'Sec-Fetch-Site: none',
  ])
    expect([own, statusOf(await raw(mesh, status, [own]))]).toEqual([own, 200])
  report(24, { load: 'a leader', injected: asked, more: 'requests of foreign origins, 0 reached a handler' })
})

test('a preflight is given nothing', async () => {
  await using mesh = await leading()
  const answer = await raw(mesh, { path: '/send', method: 'OPTIONS' }, [
    'Origin: http://evil.example',
    'Access-Control-Request-Method: POST',
  ])
  expect(statusOf(answer)).toBe(403)
  expect(answer.toLowerCase()).not.toContain('access-control-')
  expect(statusOf(await raw(mesh, { path: '/send', method: 'OPTIONS' }, []))).toBe(405)
})

test('a form of another page cannot post: what a form can send is no JSON', async () => {
  await using mesh = await leading()
  for (const { path, method } of routes.filter((route) => route.method === 'POST'))
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/plain; application/json',
    ])
      expect([path, type, statusOf(await raw(mesh, { path, method }, [`Content-Type: ${type}`]))]).toEqual([path, type, 415])
  expect((await mesh.peer.call('mesh.status', {})).messages.total).toBe(0)
})
