import { join } from 'node:path'

import { eventually } from './eventually.ts'
import { Sqlite } from './sqlite.ts'

/** An agent, or whatever else writes to that directory. */
interface Suspended {
  readonly dir: string
  readonly child: { kill(signal: NodeJS.Signals): unknown }
}

/**
 * Stops a process (SIGSTOP) at a moment at which it is not writing. One that is stopped inside a transaction holds the
 * write lock until it goes on, and everybody's writes with it: the price of having no broker, and not what these tests
 * are about.
 */
export async function suspend(agent: Suspended): Promise<void> {
  const file = new Sqlite(join(agent.dir, 'mesh.db'), { timeout: 0 })
  try {
    await eventually(async () => {
      agent.child.kill('SIGSTOP')
      if (await isWritable(file)) return true
      agent.child.kill('SIGCONT')
      return false
    })
  } finally {
    file.close()
  }
}

/** Others write for moments only: who holds the lock for longer is the stopped one. */
const isWritable = (file: Sqlite): Promise<boolean> =>
  eventually(
    () => {
      file.exec('BEGIN IMMEDIATE')
      file.exec('ROLLBACK')
      return true
    },
    { within: 300, every: 2 },
  ).catch(() => false)
