import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../src/core/config.ts'
import type { Caller } from '../../src/core/operations.ts'
import { connectLeader, type LeaderClient } from '../../src/peer/leader/client.ts'
import type { MeshPeer } from '../../src/peer/mesh-peer.ts'
import { meshEnv } from './data-dir.ts'
import { eventually } from './eventually.ts'
import { joinPeers } from './peers.ts'

/** A mesh of one peer in this process, which leads and serves; and the way to it over HTTP. */
export interface Leading extends AsyncDisposable {
  readonly dir: string
  readonly peer: MeshPeer
  readonly port: number
  readonly term: number
  readonly token: string
  readonly url: string
  /** A proven connection of its own; closed with the mesh at the latest. */
  client(): Promise<LeaderClient>
  /** Registers a script, and calls as it: each call over a connection of its own. */
  script(name?: string): Promise<{ id: string; name: string; call: Caller }>
  /** A raw request; `body` goes as JSON with the right headers unless `headers` say otherwise. */
  ask(path: string, body?: unknown, headers?: Record<string, string>): Promise<{ status: number; headers: Headers; body: Body }>
}
// biome-ignore lint/suspicious/noExplicitAny: tests look into what they have asked for
type Body = any

export async function leading(settings: Record<string, string> = {}): Promise<Leading> {
  const mesh = await joinPeers(1, { settings })
  const [peer] = mesh.peers
  if (!peer) throw new Error('nobody joined')
  const { term, port } = await eventually(() => {
    const row = peer.store.leadership.read()
    return row.peer !== null && row.port !== null && { term: row.term, port: row.port }
  })
  const { dataDir } = readConfig(meshEnv(mesh.dir, settings))
  const token = readFileSync(join(dataDir, 'leader.token'), 'utf8').trim()
  const clients: LeaderClient[] = []
  const url = `http://127.0.0.1:${port}`
  const client = async () => {
    const found = await connectLeader({ host: '127.0.0.1', port, token }, 5_000)
    if (!found) throw new Error('the leader did not prove itself')
    clients.push(found)
    return found
  }
  return {
    dir: dataDir,
    ...{ peer, port, term, token, url, client },
    async script(name) {
      const registering = await client()
      const answer = await registering.ask('POST', '/register', {
        ...{ pid: process.pid, projectPath: process.cwd() },
        ...(name !== undefined && { name }),
      })
      registering.close()
      const id = String(answer.peerId)
      const call: Caller = async (operation, input, options) => {
        const calling = await client()
        try {
          return await calling.as(id)(operation, input, options)
        } finally {
          calling.close()
        }
      }
      return { id, name: String(answer.name), call }
    },
    async ask(path, body, headers = {}) {
      const response = await fetch(url + path, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.includes('json')
      return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
    },
    async [Symbol.asyncDispose]() {
      for (const open of clients) open.close()
      await mesh[Symbol.asyncDispose]()
    },
  }
}
