import { type ChildProcess, spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dataDir, meshEnv } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { inFile, integrity } from '../support/mesh-file.ts'
import { patience, scaled } from '../support/scale.ts'

const WRITERS = scaled(6, 16)
const SECONDS = scaled(3, 30)
/** The leader restarts the WAL at 16 MiB; between two of its looks it may grow as much again. */
const MAX_WAL_MIB = 32
const MIB = 1024 * 1024
const PROGRAM = new URL('../programs/write-flat-out.mjs', import.meta.url).pathname

/** What one of them saw. */
interface Seen {
  readonly sent: number
  readonly written: number
  readonly read: number
  readonly duplicated: number
  readonly outOfOrder: number
  readonly full: number
  readonly busy: number
  readonly worstMs: number
}

class Writer {
  out = ''
  err = ''
  readonly ended: Promise<unknown>

  constructor(
    dir: string,
    readonly name: string,
    to: string,
    from: string,
    readonly child: ChildProcess = spawn(process.execPath, [PROGRAM, to, from, String(SECONDS * 1_000)], {
      env: { PATH: process.env.PATH ?? '', HOME: dir, ...meshEnv(dir), SLM_MESH_NAME: name, SLM_MESH_RATE: '0' },
      stdio: ['pipe', 'pipe', 'pipe'],
    }),
  ) {
    child.stdout?.setEncoding('utf8').on('data', (chunk) => {
      this.out += chunk
    })
    child.stderr?.setEncoding('utf8').on('data', (chunk) => {
      this.err += chunk
    })
    this.ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal)))
  }

  get seen(): Seen {
    return JSON.parse(this.out.split('\n')[1] ?? '')
  }
}

test(
  'writers that write as fast as they can get no busy error, lose and repeat nothing, and the WAL stays bounded',
  async () => {
    const dir = dataDir()
    // Each sends to the next, and reads what the one before it sends.
    const nameOf = (i: number) => `writer-${(i + WRITERS) % WRITERS}`
    const writers = Array.from({ length: WRITERS }, (_, i) => new Writer(dir, nameOf(i), nameOf(i + 1), nameOf(i - 1)))
    try {
      await eventually(() => writers.every(({ out }) => out.startsWith('ready')))
      for (const { child } of writers) child.stdin?.write('go\n')
      let running = true
      let largestWal = 0
      const exits = Promise.all(writers.map(({ ended }) => ended)).finally(() => {
        running = false
      })
      await eventually(
        () => {
          largestWal = Math.max(largestWal, statSync(join(dir, 'mesh.db-wal'), { throwIfNoEntry: false })?.size ?? 0)
          return !running
        },
        { within: patience(120_000) },
      )
      expect(writers.map(({ err }) => err).join('')).toBe('')
      expect(await exits).toEqual(writers.map(() => 0))

      const all = writers.map(({ seen }) => seen)
      const sum = (count: (seen: Seen) => number) => all.reduce((total, seen) => total + count(seen), 0)
      expect(sum(({ busy }) => busy)).toBe(0)
      for (const [i, { sent }] of all.entries()) expect(all[(i + 1) % WRITERS]?.read).toBe(sent)
      expect({ duplicated: sum((s) => s.duplicated), outOfOrder: sum((s) => s.outOfOrder) }).toEqual({
        duplicated: 0,
        outOfOrder: 0,
      })
      const sent = sum((s) => s.sent)
      const [stored, distinct] = inFile(dir, (file) =>
        file.prepare("SELECT count(*), count(DISTINCT sender_id || ' ' || payload) FROM messages").raw().get(),
      ) as [number, number]
      expect([stored, distinct]).toEqual([sent + WRITERS, sent + WRITERS]) // and a last one of each
      expect(largestWal).toBeLessThan(MAX_WAL_MIB * MIB)
      expect(integrity(dir)).toBe('ok')
      report(15, {
        load: `${WRITERS} processes, ${SECONDS} s, 4 sends and sets each on their way`,
        injected: 0,
        acknowledged: sent + sum((s) => s.written),
        lost: sent - sum((s) => s.read),
        duplicated: sum((s) => s.duplicated),
        more:
          `0 busy errors, 0 out of order; WAL ${(largestWal / MIB).toFixed(1)} MiB at most (bound ${MAX_WAL_MIB}); ` +
          `slowest send ${Math.round(Math.max(...all.map((s) => s.worstMs)))} ms; ${sum((s) => s.full)} times a mailbox was full`,
      })
    } finally {
      for (const { child } of writers) child.kill('SIGKILL')
      await Promise.all(writers.map(({ ended }) => ended))
    }
  },
  patience(60_000),
)
