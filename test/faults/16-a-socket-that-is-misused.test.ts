import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { encode } from '../../src/peer/frames.ts'
import { type Agent, startMesh } from '../support/agent.ts'
import { type Companion, companion } from '../support/companion.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { inFile, leaderRow } from '../support/mesh-file.ts'
import { patience, scaled } from '../support/scale.ts'
import { suspend } from '../support/suspend.ts'

const FRAMES = scaled(4_000, 1_000_000)
const LINE_MIB = scaled(64, 1_024)
const PINGS = scaled(200_000, 5_000_000)
/** No more than a mailbox holds. */
const MESSAGES = scaled(300, 9_000)
/**
 * What an attack may add to the peak of its victim's memory: Node's own coming and going, which a million frames bring to
 * some 90 MiB. If each connection left 4 KiB behind, it would come to more.
 */
const MAX_GROWTH_MIB = 128
const MIB = 1024 * 1024

/** The most that a process has ever had, in MiB; 0 where the system does not tell. */
const peakOf = (pid: number) =>
  process.platform === 'linux' ? Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024 : 0
const socketOf = (agent: { dir: string; pid: number }) =>
  inFile(agent.dir, (file) =>
    String(file.prepare('SELECT socket_path FROM peers WHERE pid = ? AND live = 1').pluck().get(agent.pid)),
  )

async function dial(path: string): Promise<Socket> {
  const socket = createConnection(path)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}
const closed = (socket: Socket) =>
  new Promise<void>((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())))

/** Writes until all is written, or the other side has had enough. Resolves to how many of them went out. */
async function pour(socket: Socket, count: number, next: () => string | Buffer): Promise<number> {
  const gone = closed(socket)
  for (let i = 0; i < count; i++) {
    if (socket.destroyed) return i
    if (!socket.write(next())) await Promise.race([new Promise((drained) => socket.once('drain', drained)), gone])
  }
  return count
}

const pick = <T>(from: readonly T[]): T => from[randomInt(from.length)] as T // never empty

/** A frame that is read and does no harm: of a kind that is known or not, of a caller that lies about who it is. */
function lawful(own: string, path: string): string {
  const noise = {
    [pick(['x', '__proto__', 'constructor', 'peer'])]: pick([null, -1, 1e308, [], {}, 'y'.repeat(600), '\u0000\u2028']),
  }
  return pick([
    () => encode({ k: 'ring' }),
    () => encode({ k: 'ping' }),
    () => encode({ k: 'pong' }),
    () => encode({ k: 'leader' }),
    () =>
      encode({ k: 'hello', v: randomInt(9), peer: pick([own, 'p_nobody', '', 'x'.repeat(64)]), socket: pick([path, '/', '']) }),
    () => encode({ k: 'paths', paths: Array.from({ length: randomInt(9) }, () => `/${'p'.repeat(randomInt(99))}`) }),
    () => `${JSON.stringify({ k: pick(['dance', '__proto__', 'toString', '']), ...noise })}\n`,
  ])()
}

/** A frame at which the connection has to be closed. */
const lawless = (): string | Buffer =>
  pick<() => string | Buffer>([
    () => Buffer.concat([randomBytes(randomInt(1, 200)), Buffer.from('\n')]),
    () => `${'['.repeat(randomInt(1, 4_000))}\n`,
    () => `${encode({ k: 'ring' }).slice(0, randomInt(1, 12))}\n`,
    () => `{"k":"hello","v":${pick(['null', '"x"', '[]', '{"__proto__":{"k":"ring"}}'])},"peer":1}\n`,
    () => `{"k":${pick(['1', 'null', '[]', '{}', `"${'k'.repeat(33)}"`])}}\n`,
    () => 'x'.repeat(5_000),
  ])()

/** The two send to each other and are told at once. */
async function expectUnharmed(one: Agent | Companion, other: Agent | Companion): Promise<number> {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    const told = to.call('message.inbox', { wait: 60 })
    await from.call('message.send', { to: await to.name(), message: 'unharmed' })
    expect((await told).messages.map(({ payload }) => payload)).toEqual(['unharmed'])
  }
  return 2
}

const attacks: Record<string, (path: string, own: string) => Promise<number>> = {
  'a peer that asks without end and never drains its socket': async (path) => {
    const socket = await dial(path)
    socket.pause()
    const batch = encode({ k: 'ping' }).repeat(1_000)
    const sent = await pour(socket, PINGS / 1_000, () => batch)
    socket.destroy()
    return sent * 1_000
  },
  // Each connection ends with the one frame at which it has to be closed, so that every frame is one that was read.
  'random frames': async (path, own) => {
    let sent = 0
    while (sent < FRAMES) {
      const socket = (await dial(path)).resume()
      sent += 1 + (await pour(socket, randomInt(100), () => lawful(own, path)))
      socket.write(lawless())
      await closed(socket)
    }
    return sent
  },
  'garbage on many connections at once': async (path) => {
    const sockets = await Promise.all(Array.from({ length: 200 }, () => dial(path)))
    for (const socket of sockets) socket.resume().write(Buffer.concat([randomBytes(300), Buffer.from('\n')]))
    await Promise.all(sockets.map(closed))
    return sockets.length
  },
  // It is cut off early: so it is begun again until all of it has gone out.
  'a line without end': async (path) => {
    const mib = 'x'.repeat(MIB)
    let lines = 0
    for (let left = LINE_MIB; left > 0; lines++) {
      const socket = (await dial(path)).resume()
      left -= Math.max(1, await pour(socket, left, () => mib))
      await closed(socket)
    }
    return lines
  },
}

test.each(['the leader', 'a follower'])(
  'strangers at the socket of %s harm nobody, and cost a bounded amount',
  async (role) => {
    await using mesh = await startMesh(2)
    await using friend = await companion({ dir: mesh.dir })
    const { pid } = await eventually(() => {
      const row = leaderRow(mesh.dir)
      return mesh.agents.some((agent) => agent.pid === row.pid) && row
    })
    const victim = mesh.agents.find((agent) => (agent.pid === pid) === (role === 'the leader'))!
    const path = socketOf(victim)
    const { id } = (await victim.call('peer.list', {})).self
    // Half a frame comes first, and stays until the end.
    const half = await dial(path)
    half.write(encode({ k: 'ring' }).slice(0, 6))
    await expectUnharmed(victim, friend)
    const before = peakOf(victim.pid)
    let injected = 1
    let acknowledged = 0
    for (const [what, attack] of Object.entries(attacks)) {
      const attacking = attack(path, id)
      acknowledged += await expectUnharmed(victim, friend) // meanwhile
      injected += await attacking
      acknowledged += await expectUnharmed(victim, friend)
      expect([what, victim.child.exitCode]).toEqual([what, null])
    }
    const growth = peakOf(victim.pid) - before
    expect(growth).toBeLessThan(MAX_GROWTH_MIB)
    expect(half.destroyed).toBe(false)
    half.destroy()
    expect(leaderRow(mesh.dir).pid).toBe(pid)
    expect(victim.stderr).toBe('')
    report(16, {
      load: `${role} that talks with another peer meanwhile`,
      injected,
      acknowledged,
      lost: 0,
      more: `${FRAMES} random frames, lines of ${LINE_MIB} MiB in all, half a frame that stays; the peak of its memory grew by ${Math.round(growth)} MiB (bound ${MAX_GROWTH_MIB})`,
    })
  },
  patience(60_000),
)

test(
  'a receiver that is stopped costs its sender a bounded amount, and when it goes on it has everything once, in order',
  async () => {
    await using mesh = await startMesh(2, {
      env: { SLM_MESH_RATE: '0', SLM_MESH_STALE_MS: '600000', SLM_MESH_DEAD_MS: '1200000' },
    })
    const [sender, receiver] = mesh.agents as [Agent, Agent]
    const to = await receiver.name()
    await expectUnharmed(sender, receiver)
    const before = peakOf(sender.pid)
    await suspend(receiver)
    for (let i = 0; i < MESSAGES; i++) await sender.call('message.send', { to, message: `${i} ${'x'.repeat(1_000)}` })
    const growth = peakOf(sender.pid) - before
    receiver.child.kill('SIGCONT')
    const read: number[] = []
    while (read.length < MESSAGES) {
      const { messages } = await receiver.call('message.inbox', { limit: 100, wait: 60 })
      read.push(...messages.map(({ payload }) => Number.parseInt(payload, 10)))
    }
    expect(read).toEqual(Array.from({ length: MESSAGES }, (_, i) => i))
    expect(growth).toBeLessThan(MAX_GROWTH_MIB)
    report(16, {
      load: 'one sender to a stopped receiver',
      injected: 1,
      acknowledged: MESSAGES,
      lost: MESSAGES - new Set(read).size,
      duplicated: read.length - new Set(read).size,
      more: `the peak of the sender's memory grew by ${Math.round(growth)} MiB (bound ${MAX_GROWTH_MIB})`,
    })
  },
  patience(60_000),
)
