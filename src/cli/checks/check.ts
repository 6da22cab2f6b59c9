import { accessSync, constants, existsSync, realpathSync } from 'node:fs'
import type { Config, Environment } from '../../core/config.ts'
import { fail } from '../../core/errors.ts'
import { type Layout, layoutOf } from '../../core/paths.ts'
import { sleep } from '../../core/scope.ts'
import type { Desk } from '../command.ts'
import { NO_ROWS, type Rows, rowsIn } from '../rows.ts'
import { homeOf } from '../setup/home.ts'

/** One question about this machine's mesh, and its answer. Looking changes nothing and creates nothing. */

export interface Found {
  readonly status: 'ok' | 'warn' | 'fail' | 'unknown'
  readonly found: string
  /** What a person does about it. */
  readonly fix?: string
  /** Where one check speaks of several things: which one. */
  readonly of?: string
}

export interface Finding extends Omit<Found, 'of'> {
  readonly check: string
}

/** May throw what it likes: that is its finding then. */
export type Check = (site: Site) => Found | readonly Found[] | Promise<Found | readonly Found[]>

/** What checks look at. */
export interface Site {
  readonly config: Config
  /** With the data directory's real path, where there is one. */
  readonly layout: Layout
  readonly env: Environment
  readonly cwd: string
  readonly home: string
  readonly platform: NodeJS.Platform
  /** Whether there is a directory, and a file in it. */
  readonly has: { readonly dataDir: boolean; readonly database: boolean }
  /** The rows as they stand; without a file, none. Throws `MeshError` where it cannot be read. */
  readonly rows: () => Rows
}

export const ok = (found: string): Found => ({ status: 'ok', found })
export const warn = (found: string, fix: string): Found => ({ status: 'warn', found, fix })
export const bad = (found: string, fix: string): Found => ({ status: 'fail', found, fix })
export const unknown = (found: string, fix?: string): Found => ({ status: 'unknown', found, ...(fix !== undefined && { fix }) })

export const NO_MESH = 'there is no mesh yet: the first session makes it'

export function siteOf({ config, env, cwd }: Pick<Desk, 'config' | 'env' | 'cwd'>): Site {
  const layout = layoutOf(realOf(config.dataDir))
  const database = existsSync(layout.database)
  return {
    ...{ config, layout, env, cwd, platform: process.platform, home: homeOf(env, process.platform) },
    has: { dataDir: existsSync(layout.dataDir), database },
    rows: () => (database ? rowsOf(layout.database) : NO_ROWS),
  }
}

function rowsOf(path: string): Rows {
  try {
    // Without the right to write, SQLite would leave an index beside it that nobody may write.
    accessSync(path, constants.R_OK | constants.W_OK)
  } catch {
    throw fail('read_only', { path })
  }
  return rowsIn(path)
}

function realOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** Longer than any check takes by its own deadlines. */
const DEADLINE_MS = 3_000

/** One after the other: a check that computes would make the next one's deadlines pass unseen. */
export async function runChecks(site: Site, checks: Readonly<Record<string, Check>>): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const [name, check] of Object.entries(checks)) {
    const late = sleep(DEADLINE_MS).then(() => unknown(`no answer within ${DEADLINE_MS / 1000} s`))
    const found = await Promise.race([answerOf(check, site), late])
    for (const { of, ...one } of Array.isArray(found) ? found : [found])
      findings.push({ check: of === undefined ? name : `${name}: ${of}`, ...one })
  }
  return findings
}

async function answerOf(check: Check, site: Site): Promise<Found | readonly Found[]> {
  try {
    return await check(site)
  } catch (error) {
    return unknown(`could not be checked: ${error instanceof Error ? error.message : String(error)}`)
  }
}
