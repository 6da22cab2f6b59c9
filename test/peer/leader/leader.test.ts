import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { VERSION } from '../../../src/core/version.ts'
import { eventually } from '../../support/eventually.ts'
import { joinPeers } from '../../support/peers.ts'
import { Sqlite } from '../../support/sqlite.ts'

const read = (dir: string, name: string) => readFileSync(join(dir, name), 'utf8').trim()

/** What the term row says, read from outside. */
function row(dir: string) {
  const native = new Sqlite(join(dir, 'mesh.db'), { readonly: true })
  try {
    return native.prepare('SELECT term, port, token_hash FROM leader').get() as { term: number; port: number; token_hash: string }
  } finally {
    native.close()
  }
}

test('a leader serves where the row and the port file say, under a token whose hash alone is in the row', async () => {
  await using mesh = await joinPeers(2)
  const leader = mesh.peers.find(({ leadingTerm }) => leadingTerm !== null)
  await eventually(() => existsSync(join(mesh.dir, 'port')))
  const { term, port, token_hash } = row(mesh.dir)
  expect(term).toBe(leader?.leadingTerm)
  expect(read(mesh.dir, 'port')).toBe(String(port))
  expect(createHash('sha256').update(read(mesh.dir, 'leader.token')).digest('hex')).toBe(token_hash)
  for (const name of ['leader.token', 'port']) expect(lstatSync(join(mesh.dir, name)).mode & 0o777).toBe(0o600)
  const health = await fetch(`http://127.0.0.1:${port}/health`)
  expect([health.status, await health.json()]).toEqual([
    200,
    { ok: true, status: 'ok', version: VERSION, uptime: expect.any(Number), term, pid: process.pid },
  ])
})

test('the next leader has a higher term and a token of its own, and the last one serves nothing any more', async () => {
  await using mesh = await joinPeers(2)
  const [first, second] = mesh.peers
  await eventually(() => existsSync(join(mesh.dir, 'port')))
  const before = { ...row(mesh.dir), token: read(mesh.dir, 'leader.token') }
  expect(first?.leadingTerm).toBe(before.term)
  await first?.leave()
  await eventually(() => second?.leadingTerm)
  const after = await eventually(() => {
    const now = row(mesh.dir)
    return now.port !== null && now.term > before.term && now
  })
  expect(second?.leadingTerm).toBe(after.term)
  expect(read(mesh.dir, 'leader.token')).not.toBe(before.token)
  expect(await (await fetch(`http://127.0.0.1:${after.port}/health`)).json()).toMatchObject({ term: after.term })
  if (before.port !== after.port) await expect(fetch(`http://127.0.0.1:${before.port}/health`)).rejects.toThrow()
})
