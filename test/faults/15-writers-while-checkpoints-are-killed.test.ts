import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { dataDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { writeFlatOut } from '../support/flat-out.ts'
import { patience, scaled } from '../support/scale.ts'

/** What SQLite's "WAL-reset bug" took: writers and several processes that checkpoint one WAL; and kill -9 in the middle. */
const WRITERS = scaled(4, 8)
const SECONDS = scaled(3, 60)
const HAMMERS = 2
const PROGRAM = new URL('../programs/checkpoint-forever.mjs', import.meta.url).pathname

test(
  'while others checkpoint without end and are killed in it, nothing that was acknowledged is lost',
  async () => {
    const dir = dataDir()
    const path = join(dir, 'mesh.db')
    let writing = true
    let kills = 0
    const counting = writeFlatOut(dir, WRITERS, SECONDS).finally(() => {
      writing = false
    })
    const hammer = async () => {
      await eventually(() => existsSync(path) || !writing)
      while (writing) {
        const child = spawn(process.execPath, [PROGRAM, path], { stdio: ['ignore', 'pipe', 'inherit'] })
        await once(child.stdout, 'data')
        await pass(randomInt(150)) // a random moment, not a wait for anything
        const ended = once(child, 'close')
        child.kill('SIGKILL')
        expect(await ended).toEqual([null, 'SIGKILL'])
        kills++
      }
    }
    const [counted] = await Promise.all([counting, ...Array.from({ length: HAMMERS }, hammer)])
    expect(kills).toBeGreaterThan(0)
    report(15, {
      load: `${WRITERS} processes, ${SECONDS} s, while ${HAMMERS} others checkpoint without end`,
      injected: kills,
      acknowledged: counted.sent + counted.written,
      lost: counted.lost,
      duplicated: counted.duplicated,
      more: `checkpointers killed; ${counted.busy} busy errors; integrity ok; WAL ${counted.walMib.toFixed(1)} MiB at most`,
    })
  },
  patience(60_000),
)
