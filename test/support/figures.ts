import { appendFileSync } from 'node:fs'

/** What a fault test has counted. What it cannot count, it leaves out. */
export interface Figures {
  /** What went on meanwhile: who did what. */
  readonly load: string
  /** Faults, or attacks, that were made. */
  readonly injected: number
  /** Answers that promised something: messages, versions, grants. */
  readonly acknowledged?: number
  readonly lost?: number
  readonly duplicated?: number
  readonly doubleHolders?: number
  /** What else a reader should know, in a few words. */
  readonly more?: string
}

/**
 * Prints a row's figures in one form; with SLM_MESH_FIGURES, a file, they are added to it as a line of JSON, of which
 * `npm run test:faults` makes its table. Counts are what was seen, not what was hoped for: give them after the assertions.
 */
export function report(row: number | 'schedule' | 'two hosts', figures: Figures): void {
  const { load, more, ...counts } = figures
  const words = Object.entries(counts).map(([what, count]) => `${label(what)} ${count}`)
  console.info(`fault ${row}: ${[load, ...words, ...(more === undefined ? [] : [more])].join('; ')}`)
  const file = process.env.SLM_MESH_FIGURES
  if (file) appendFileSync(file, `${JSON.stringify({ row, ...figures })}\n`)
}

const label = (what: string) => what.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
