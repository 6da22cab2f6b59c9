import { expect, test } from 'vitest'
import { judgeDurability, judgeEncryption, judgeLatency, judgeServers, judgeStream, syncOf } from '../../src/cli/checks/nats.ts'
import { fail } from '../../src/core/errors.ts'
import type { Look } from '../../src/core/nats/look.ts'

/** What doctor makes of servers that a test cannot start. */

const info = (more: object = {}) => ({ version: '2.15.1', tls_required: false, ...more }) as never // of the library's many fields, those that count
const seen = (servers: Look['servers']): Look => ({ servers, stream: undefined, problem: undefined, latency: undefined })
const away = fail('unreachable', { url: 'nats://b:4222', since: '2030-01-01T12:00:00.000Z', detail: 'connection refused' })
const old = fail('server_unfit', {
  url: 'nats://b:4222',
  found: 'runs nats-server 2.10.27',
  fix: 'use nats-server 2.12 or newer on every server of the cluster',
})

test('one that is away is a warning where others answer; one that is too old is a failure, whoever else answers', () => {
  const a = { server: 'a:4222', info: info() }
  expect(judgeServers(seen([a, { server: 'b:4222', failure: away }]), { url: 'x' })).toMatchObject({ status: 'warn' })
  expect(judgeServers(seen([{ server: 'b:4222', failure: away }]), { url: 'x' })).toMatchObject({ status: 'fail' })
  expect(
    judgeServers(seen([a, { server: 'c:4222', failure: away }, { server: 'b:4222', failure: old }]), { url: 'x' }),
  ).toMatchObject({
    status: 'fail',
    found: expect.stringMatching(/^b:4222.*2\.10\.27: use nats-server 2\.12/),
  })
})

test.each([
  ['tls://', true, ['far:4222'], {}, 'ok'],
  ['plain, elsewhere', false, ['far:4222'], {}, 'warn'],
  ['plain, here', false, ['127.0.0.1:4222', 'localhost:4223', '[::1]:1'], {}, 'ok'],
  ['not insisted on', false, ['far:4222'], { tls_required: true }, 'warn'],
])('encryption: %s', (_, tls, servers, more, status) => {
  const there = seen(servers.map((server) => ({ server, info: info(more) })))
  expect(judgeEncryption(there, { tls, servers })).toMatchObject({ status })
})

test('a stream: copies that are behind, one copy where there could be more, and one that is as it must be', () => {
  const stream = (num_replicas: number, replicas: object[] = []) =>
    ({ config: { num_replicas }, cluster: { leader: 'n1', replicas } }) as never // as above
  const judge = (of: never, more: object = {}) =>
    judgeStream({ ...seen([{ server: 'a:4222', info: info(more) }]), stream: of }, { mesh: 'default', url: 'nats://a:4222' })
  expect(judge(stream(3, [{ name: 'n2', current: true }]))).toMatchObject({
    status: 'ok',
    found: expect.stringContaining('led by n1'),
  })
  expect(
    judge(
      stream(3, [
        { name: 'n2', current: true },
        { name: 'n3', current: false },
      ]),
    ),
  ).toMatchObject({ status: 'warn', found: expect.stringMatching(/not up to date: n3$/) })
  expect(judge(stream(3, [{ name: 'n2', current: true, offline: true }]))).toMatchObject({ status: 'warn' })
  expect(judge(stream(1))).toMatchObject({ status: 'ok' })
  expect(judge(stream(1), { cluster: 'c' })).toMatchObject({ status: 'warn', fix: 'slm-mesh init --replicas 3' })
})

test('durability is what the least of the servers does, and what nobody tells is not known', () => {
  const kept = (syncMs: number | undefined) => ({ server: 'a:4222', asked: 'http://a:8222/varz', syncMs })
  expect(judgeDurability([kept(0), kept(0)])).toMatchObject({ status: 'ok' })
  expect(judgeDurability([kept(0), kept(120_000)])).toMatchObject({ status: 'warn' })
  expect(judgeDurability([kept(0), kept(undefined)])).toMatchObject({ status: 'unknown' })
  const varz = (config: object) => ({ server_id: 'A', jetstream: { config } })
  expect(syncOf(varz({ sync_always: true, sync_interval: 120e9 }), 'A')).toBe(0)
  expect(syncOf(varz({ sync_interval: 120e9 }), 'A')).toBe(120_000)
  expect(syncOf(varz({ sync_always: true }), 'B')).toBeUndefined()
  for (const nonsense of [null, 'x', {}, { server_id: 'A' }, { server_id: 'A', jetstream: 'x' }])
    expect(syncOf(nonsense, 'A')).toBeUndefined()
})

test('a leader that is far away is a warning', () => {
  const latency = (leaderMs: number) => judgeLatency({ ...seen([]), latency: { serverMs: 1, leaderMs, rounds: 20 } })
  expect(latency(12)).toEqual({
    status: 'ok',
    found: '1.0 ms to the server and back, 12 ms to the leader of the stream (medians of 20)',
  })
  expect(latency(400)).toMatchObject({ status: 'warn' })
})
