import { expect, test } from 'vitest'
import { joinMesh } from '../../../src/peer/peer.ts'
import { meshEnv } from '../../support/data-dir.ts'
import { type Leading, leading } from '../../support/leader.ts'

/** Prometheus' text format, strictly: every sample belongs to a family that was announced, with well-formed labels. */
function parse(text: string): Map<string, number> {
  expect(text.endsWith('\n')).toBe(true)
  const types = new Map<string, string>()
  const helps = new Set<string>()
  const samples = new Map<string, number>()
  for (const line of text.trimEnd().split('\n')) {
    const [, kind, family, rest] = /^# (HELP|TYPE) ([a-z_][a-z0-9_]*) (.+)$/.exec(line) ?? []
    if (kind === 'HELP' && family) {
      expect(helps.has(family), `${family} is announced twice`).toBe(false)
      helps.add(family)
    } else if (kind === 'TYPE' && family && rest) {
      expect(rest).toMatch(/^(counter|gauge|histogram)$/)
      types.set(family, rest)
    } else {
      const [, name = '', labels = '', value = ''] =
        /^([a-z_][a-z0-9_]*)((?:\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})?) (\S+)$/.exec(line) ?? []
      const base = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '')
      expect(types.has(base) && helps.has(base), `not a sample of an announced family: ${line}`).toBe(true)
      if (types.get(base) === 'counter') expect(base).toMatch(/_total$/)
      expect(Number.isFinite(Number(value)), line).toBe(true)
      expect(samples.has(name + labels), `${line} stands twice`).toBe(false)
      samples.set(name + labels, Number(value))
    }
  }
  return samples
}

const scrape = async (mesh: Leading) => {
  const { status, headers, body } = await mesh.ask('/metrics')
  expect(status).toBe(200)
  expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  return parse(body)
}

test('all that is promised is there, and counts what happens', async () => {
  await using mesh = await leading()
  await using other = await joinMesh({ env: meshEnv(mesh.dir), agentType: 'other' })
  const before = await scrape(mesh)
  expect(before.get('slm_mesh_peers{status="active"}')).toBe(2)
  expect(before.get('slm_mesh_elections_total')).toBe(1)
  expect(before.get('slm_mesh_leader_term')).toBe(mesh.term)

  const sent = await mesh.peer.call('message.send', { to: other.self.id, message: 'a' })
  await mesh.peer.call('message.send', { to: other.self.id, message: 'b' })
  const queued = await scrape(mesh)
  expect(queued.get('slm_mesh_messages{state="queued"}')).toBe(2)
  await other.call('message.inbox', { limit: 1 })
  await other.call('message.send', { to: mesh.peer.self.id, message: 'c', replyTo: sent.messageId })
  await other.call('lock.acquire', { filePath: '/tmp/measured' })

  const after = await scrape(mesh)
  const states = ['queued', 'notified', 'seen', 'acked', 'expired'].map((state) =>
    after.get(`slm_mesh_messages{state="${state}"}`),
  )
  expect(states).toEqual([2, 0, 0, 1, 0])
  expect(after.get('slm_mesh_messages_sent_total')).toBe(3)
  expect(after.get('slm_mesh_locks')).toBe(1)
  expect(after.get('slm_mesh_message_delivery_seconds_count')).toBe(1)
  expect(after.get('slm_mesh_message_delivery_seconds_bucket{le="+Inf"}')).toBe(1)
  expect(after.get('slm_mesh_message_delivery_seconds_bucket{le="300"}')).toBe(1)
  expect(after.get('slm_mesh_http_requests_total{route="/metrics",status="200"}')).toBe(2)
  expect(after.get('slm_mesh_http_request_duration_seconds_count{route="/metrics"}')).toBe(2)
  expect(after.get('slm_mesh_http_request_duration_seconds_bucket{route="/metrics",le="+Inf"}')).toBe(2)
  expect(after.get('slm_mesh_database_size_bytes')).toBeGreaterThan(0)
  expect(after.get('slm_mesh_events_emitted_total')).toBeGreaterThanOrEqual(after.get('slm_mesh_events') ?? Number.NaN)
})

test('buckets only grow, and what concerns the mesh goes on under the next leader', async () => {
  const first = await leading()
  await using other = await joinMesh({ env: meshEnv(first.dir), agentType: 'other' })
  for (let i = 0; i < 3; i++) await first.peer.call('message.send', { to: other.self.id, message: 'x' })
  await other.call('message.inbox', {})
  const before = await scrape(first)
  const buckets = [...before].filter(([name]) => name.startsWith('slm_mesh_message_delivery_seconds_bucket')).map(([, n]) => n)
  expect(buckets).toEqual([...buckets].sort((a, b) => a - b))
  await first[Symbol.asyncDispose]()
  const figures = await other.store.status.figures()
  expect(figures.elections).toBeGreaterThanOrEqual(1)
  expect(figures.deliveries.buckets.reduce((sum, bucket) => sum + bucket.count, 0)).toBe(3)
  expect(figures.messages).toEqual({ queued: 0, notified: 0, seen: 3, acked: 0, expired: 0 })
})

test('a route that is not there cannot fill the figures with names', async () => {
  await using mesh = await leading()
  for (const path of ['/a"b', '/c\\n', '/wp-admin', '/{}']) await mesh.ask(encodeURI(path))
  const names = [...(await scrape(mesh)).keys()].filter((name) => name.startsWith('slm_mesh_http_requests_total'))
  expect(names).toEqual(['slm_mesh_http_requests_total{route="other",status="404"}'])
})
