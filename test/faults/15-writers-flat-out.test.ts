import { expect, test } from 'vitest'
import { dataDir } from '../support/data-dir.ts'
import { report } from '../support/figures.ts'
import { writeFlatOut } from '../support/flat-out.ts'
import { patience, scaled } from '../support/scale.ts'

const WRITERS = scaled(6, 16)
const SECONDS = scaled(3, 30)
/** The leader restarts the WAL at 16 MiB; between two of its looks it may grow as much again. */
const MAX_WAL_MIB = 32

test(
  'writers that write as fast as they can get no busy error, lose and repeat nothing, and the WAL stays bounded',
  async () => {
    const counted = await writeFlatOut(dataDir(), WRITERS, SECONDS)
    expect(counted.walMib).toBeLessThan(MAX_WAL_MIB)
    report(15, {
      load: `${WRITERS} processes, ${SECONDS} s, 4 sends and sets each on their way`,
      injected: 0,
      acknowledged: counted.sent + counted.written,
      lost: counted.lost,
      duplicated: counted.duplicated,
      more:
        `${counted.busy} busy errors, ${counted.outOfOrder} out of order; WAL ${counted.walMib.toFixed(1)} MiB at most (bound ${MAX_WAL_MIB}); ` +
        `slowest send ${Math.round(counted.worstMs)} ms; ${counted.full} times a mailbox was full`,
    })
  },
  patience(60_000),
)
