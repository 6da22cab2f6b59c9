import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { servingLeader } from '../support/leader-watch.ts'
import { inFile, leaderRow } from '../support/mesh-file.ts'
import { run } from '../support/run.ts'
import { scaled } from '../support/scale.ts'

/**
 * A program of somebody else on a port that the mesh may take for its leader's. It says of itself what the leader says,
 * and writes down whatever it is told.
 */
async function imitator(answer: (challenge: string | undefined) => Promise<object> | object, port = 0) {
  const heard: string[] = []
  const server: Server = createServer(async (incoming, response) => {
    heard.push(JSON.stringify([incoming.method, incoming.url, incoming.rawHeaders]))
    incoming.on('data', (chunk) => heard.push(String(chunk)))
    const challenge = incoming.headers['slm-mesh-challenge']
    const body = await answer(typeof challenge === 'string' ? challenge : undefined)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port, // it listens on TCP
    heard,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

const tokenIn = (dir: string) => readFileSync(join(dir, 'leader.token'), 'utf8').trim()
const settings = (dir: string) => ({ SLM_MESH_DATA_DIR: dir, HOME: dir })

/** Commands that would send the token, if anybody got them to. */
async function useTheMesh(dir: string): Promise<{ code: number | null; out: string }[]> {
  return Promise.all([run(['peers', '--json'], settings(dir)), run(['state', 'set', 'k', 'v', '--json'], settings(dir))])
}

function expectNoSecrets(heard: readonly string[], token: string): void {
  for (const line of heard) {
    expect(line).not.toContain(token)
    expect(line.toLowerCase()).not.toContain('authorization')
  }
}

/** Row and file say that the living leader serves on that port; as while a leader moves, or has just lost its port. */
function pointAt(dir: string, port: number): void {
  inFile(dir, (file) => file.prepare('UPDATE leader SET port = ?').run(port))
  writeFileSync(join(dir, 'port'), `${port}\n`)
}

test('who knows term and pid, and repeats an earlier proof, is told nothing: commands go through the file', async () => {
  await using agent = await Agent.start()
  const { term, pid, port } = await servingLeader(agent)
  const earlier = await fetch(`http://127.0.0.1:${port}/health`, { headers: { 'slm-mesh-challenge': 'earlier' } })
  const { proof } = (await earlier.json()) as { proof: string }
  await using stranger = await imitator(() => ({ ok: true, status: 'ok', version: '0.1.0', uptime: 1, term, pid, proof }))
  pointAt(agent.dir, stranger.port)
  const rounds = scaled(3, 50)
  for (let i = 0; i < rounds; i++)
    for (const { code, out } of await useTheMesh(agent.dir)) {
      expect(code).toBe(0)
      expect(JSON.parse(out)).toMatchObject({ ok: true, via: 'file' })
    }
  expect(stranger.heard.length).toBeGreaterThanOrEqual(2 * rounds)
  expectNoSecrets(stranger.heard, tokenIn(agent.dir))
  expect((await agent.call('state.get', { key: 'k' })).entry.value).toBe('v')
  report(9, {
    load: 'commands at a shell',
    injected: 2 * rounds,
    more: `an imitator of the leader heard ${stranger.heard.length} requests, tokens told 0`,
  })
})

test('who passes the question on to the real leader is found out, because the proof names the port', async () => {
  await using agent = await Agent.start()
  const { port } = await servingLeader(agent)
  const relay = (challenge: string | undefined) =>
    new Promise<object>((resolve, reject) => {
      const asking = request({ host: '127.0.0.1', port, path: '/health', headers: { 'slm-mesh-challenge': challenge ?? '' } })
      asking.on('response', (response) => {
        let text = ''
        response.on('data', (chunk) => (text += chunk))
        response.on('end', () => resolve(JSON.parse(text)))
      })
      asking.on('error', reject)
      asking.end()
    })
  await using stranger = await imitator(relay)
  pointAt(agent.dir, stranger.port)
  for (const { code, out } of await useTheMesh(agent.dir)) {
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ via: 'file' })
  }
  expect(stranger.heard.length).toBeGreaterThan(0)
  expectNoSecrets(stranger.heard, tokenIn(agent.dir))
})

test('who takes the port of a leader that has just died is asked for a proof, and for nothing else', async () => {
  const agent = await Agent.start()
  const { term, pid, port } = await servingLeader(agent)
  await agent.kill()
  await using stranger = await eventually(() => imitator(() => ({ ok: true, status: 'ok', term, pid }), port))
  expect(leaderRow(agent.dir)).toMatchObject({ port, pid })
  for (const { code, out } of await useTheMesh(agent.dir)) expect([0, 3]).toContain(code ?? out)
  expect(stranger.heard.length).toBeGreaterThan(0)
  for (const line of stranger.heard) expect(line).toMatch(/^\["GET","\/health",/)
  expectNoSecrets(stranger.heard, tokenIn(agent.dir))
})

test('peers are not fooled by it: the next leader serves elsewhere, and nobody sends it anything', async () => {
  const first = await Agent.start()
  const { term, pid, port } = await servingLeader(first)
  await using second = await Agent.start({ dir: first.dir, env: { SLM_MESH_PORT: String(port) } })
  await first.kill()
  await using stranger = await eventually(() => imitator(() => ({ ok: true, status: 'ok', term, pid }), port)).catch(
    () => undefined,
  )
  const next = await servingLeader(second, { after: term })
  expect(next.pid).toBe(second.pid)
  for (const { code } of await useTheMesh(first.dir)) expect(code).toBe(0)
  // The new leader may have been faster than the stranger; then there is nobody to be fooled by.
  if (stranger) expectNoSecrets(stranger.heard, tokenIn(first.dir))
})
