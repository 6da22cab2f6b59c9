import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { serveHere } from '../support/serve-here.ts'
import { RawClient } from './raw-client.ts'

const BAD: [name: string, value: string][] = [
  ['SLM_MESH_PORT', 'http'],
  ['SLM_MESH_PORT', '70000'],
  ['SLM_MESH_HOST', '0.0.0.0'],
  ['SLM_MESH_HEARTBEAT_MS', '-1'],
  ['SLM_MESH_STALE_MS', '1e9'],
  ['SLM_MESH_DEAD_MS', ' 60000'],
  ['SLM_MESH_LOCK_TTL_MIN', '0'],
  ['SLM_MESH_NAME', 'all'],
  ['SLM_MESH_NAME', 'two words'],
  ['SLM_MESH_AGENT', 'Bad Agent'],
  ['SLM_MESH_LEASE_MS', '10'],
  ['SLM_MESH_MESSAGE_TTL_H', 'x'],
  ['SLM_MESH_EVENT_TTL_H', '9999'],
  ['SLM_MESH_RATE', '-5'],
  ['SLM_MESH_LOG', 'loud\nnewline'],
]

test('a bad setting ends the process with code 2 and one line that names it, and nothing is made', async () => {
  await Promise.all(
    BAD.map(async ([name, value]) => {
      const server = serveHere({ [name]: value })
      const { code, out, err } = await server.ended()
      expect({ name, code, out, err }).toEqual({
        name,
        code: 2,
        out: '',
        err: expect.stringMatching(/^slm-mesh: [^\n]*\n$/),
      })
      expect(err).toContain(`${name}=${JSON.stringify(value)} is not `)
      expect(existsSync(server.dir)).toBe(false)
    }),
  )
  await using client = RawClient.start({ SLM_MESH_PORT: 'http' })
  expect(await client.exited).toEqual({ code: 2, signal: null })
  expect({ out: client.out, err: client.err }).toEqual({
    out: '',
    err: expect.stringMatching(/^slm-mesh: SLM_MESH_PORT="http" is not [^\n]*\n$/),
  })
})

test('an empty setting counts as none', async () => {
  await using client = RawClient.start(Object.fromEntries(BAD.map(([name]) => [name, name === 'SLM_MESH_PORT' ? '0' : ''])))
  expect(await client.initialize()).toHaveProperty('result')
})
