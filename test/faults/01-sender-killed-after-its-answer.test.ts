import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { dataDir, meshEnv } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { inFile, integrity } from '../support/mesh-file.ts'
import { patience, scaled } from '../support/scale.ts'

const KILLS = scaled(24, 500)
const VICTIMS = 4
/** A victim dies at a random one of its first acknowledgements. */
const MAX_LIFETIME = 40
const SENDER = new URL('../programs/send-forever.mjs', import.meta.url).pathname

/** One life of a sender: it dies by its own hand right after an answer, or by ours a moment later. Resolves to what was acknowledged. */
async function liveAndDie(dir: string, name: string, run: number): Promise<string[]> {
  const lifetime = randomInt(1, MAX_LIFETIME)
  const byItself = run % 2 === 0
  const child: ChildProcess = spawn(process.execPath, [SENDER, 'reader', `${run}`, ...(byItself ? [`${lifetime}`] : [])], {
    env: { PATH: process.env.PATH ?? '', HOME: dir, ...meshEnv(dir), SLM_MESH_NAME: name, SLM_MESH_RATE: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  let stderr = ''
  child.stdout?.on('data', (chunk) => {
    printed += chunk
    if (!byItself && printed.split('\n').length > lifetime) child.kill('SIGKILL')
  })
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  const signal = await new Promise((resolve) => child.once('close', (_code, signal) => resolve(signal)))
  expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' })
  return printed.split('\n').slice(0, -1)
}

const numbersOf = (message: string) => message.split(' ').slice(1).map(Number) as [run: number, number: number]

test(
  'every message whose sender was killed right after the answer is in the inbox exactly once, in its order',
  async () => {
    const dir = dataDir()
    const acknowledged: string[] = []
    const read: string[] = []
    {
      await using reader = await Agent.start({ dir, env: { SLM_MESH_NAME: 'reader', SLM_MESH_RATE: '0' } })
      let dying = true
      const reading = (async () => {
        for (;;) {
          const last = !dying
          const { messages } = await reader.call('message.inbox', { limit: 100, wait: dying ? 1 : 0 })
          read.push(...messages.map(({ payload }) => payload))
          if (last && messages.length === 0) return
        }
      })()
      const lives = Array.from({ length: KILLS }, (_, run) => run)
      await Promise.all(
        Array.from({ length: VICTIMS }, async (_, i) => {
          for (let run = lives.shift(); run !== undefined; run = lives.shift())
            acknowledged.push(...(await liveAndDie(dir, `sender-${i}`, run)))
        }),
      )
      dying = false
      await reading
      const { peers } = await eventually(async () => {
        const list = await reader.call('peer.list', {})
        return list.peers.every(({ status }) => status === 'away') && list
      })
      expect(peers.map(({ name }) => name).sort()).toEqual(Array.from({ length: VICTIMS }, (_, i) => `sender-${i}`))
    }

    const inbox = new Map<string, number>()
    for (const message of read) inbox.set(message, (inbox.get(message) ?? 0) + 1)
    const lost = acknowledged.filter((message) => !inbox.has(message))
    const duplicated = [...inbox].filter(([, times]) => times > 1)
    expect({ lost, duplicated }).toEqual({ lost: [], duplicated: [] })
    for (let i = 0; i < VICTIMS; i++) {
      const order = read.filter((message) => message.startsWith(`sender-${i} `)).map(numbersOf)
      expect(order).toEqual([...order].sort(([run, number], [otherRun, other]) => run - otherRun || number - other))
    }
    expect(inFile(dir, (file) => file.prepare('SELECT count(*) FROM messages').pluck().get())).toBe(read.length)
    expect(integrity(dir)).toBe('ok')
    report(1, {
      load: `${VICTIMS} senders, 4 messages each on their way`,
      injected: KILLS,
      acknowledged: acknowledged.length,
      lost: lost.length,
      duplicated: duplicated.length,
      more: `${read.length - acknowledged.length} stored but killed before their answer`,
    })
  },
  patience(30_000),
)
