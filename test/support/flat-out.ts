import { type ChildProcess, spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { meshEnv } from './data-dir.ts'
import { eventually } from './eventually.ts'
import { inFile, integrity } from './mesh-file.ts'
import { patience } from './scale.ts'

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
    seconds: number,
    readonly child: ChildProcess = spawn(process.execPath, [PROGRAM, to, from, String(seconds * 1_000)], {
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

/**
 * So many processes write as fast as they can, each to the next, for so many seconds, and read what the one before sends.
 * Nobody is told `busy`; nothing is lost, repeated or out of a sender's order; the file is whole. Resolves to what was
 * counted, after all of that has been asserted.
 */
export async function writeFlatOut(dir: string, count: number, seconds: number) {
  const nameOf = (i: number) => `writer-${(i + count) % count}`
  const writers = Array.from({ length: count }, (_, i) => new Writer(dir, nameOf(i), nameOf(i + 1), nameOf(i - 1), seconds))
  try {
    await eventually(() => writers.every(({ out }) => out.startsWith('ready')))
    for (const { child } of writers) child.stdin?.write('go\n')
    let running = true
    let largestWal = 0
    // The next of one that failed would wait for its last message for good.
    for (const { ended } of writers)
      ended.then((code) => {
        if (code !== 0) for (const { child } of writers) child.kill('SIGKILL')
      })
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
    const counted = {
      sent: sum((s) => s.sent),
      written: sum((s) => s.written),
      lost: sum((s) => s.sent) - sum((s) => s.read),
      duplicated: sum((s) => s.duplicated),
      outOfOrder: sum((s) => s.outOfOrder),
      busy: sum((s) => s.busy),
      full: sum((s) => s.full),
      worstMs: Math.max(...all.map((s) => s.worstMs)),
      walMib: largestWal / 1024 / 1024,
    }
    expect(counted).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0, busy: 0 })
    for (const [i, { sent }] of all.entries()) expect(all[(i + 1) % count]?.read).toBe(sent)
    const stored = inFile(dir, (file) =>
      file.prepare("SELECT count(*), count(DISTINCT sender_id || ' ' || payload) FROM messages").raw().get(),
    )
    expect(stored).toEqual([counted.sent + count, counted.sent + count]) // and a last one of each
    expect(integrity(dir)).toBe('ok')
    return counted
  } finally {
    for (const { child } of writers) child.kill('SIGKILL')
    await Promise.all(writers.map(({ ended }) => ended))
  }
}
