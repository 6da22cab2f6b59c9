// The form of all figures: a row says what was measured, its floor in the same run, and what was aimed at.

import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

export const options = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    runs: { type: 'string' },
  },
  strict: false, // run.mjs has more
}).values

/** A count of runs: the usual one, a small one with --quick, or what --runs says. */
export const runsOr = (usual, quick) => Number(options.runs ?? (options.quick ? quick : usual))

/**
 * `floor` is [its name, its value]; the aim is one of `ratio` (at most, to the floor), `atMost` and `atLeast` (of the value).
 * Without an aim the figure is for information.
 */
export function row(what, value, unit, { floor, ratio, atMost, atLeast } = {}) {
  const found = floor && value / floor[1]
  const met = [
    ratio === undefined || found <= ratio,
    atMost === undefined || value <= atMost,
    atLeast === undefined || value >= atLeast,
  ].every(Boolean)
  const aim =
    ratio !== undefined
      ? `≤ ${ratio} ×`
      : atMost !== undefined
        ? `≤ ${atMost} ${unit}`
        : atLeast !== undefined
          ? `≥ ${atLeast} ${unit}`
          : ''
  return {
    what,
    value: round(value),
    unit,
    ...(floor && { floor: floor[0], floorValue: round(floor[1]), ratio: round(found) }),
    ...(aim !== '' && { aim, met }),
  }
}

export function median(all) {
  return quantile(all, 0.5)
}

/** Between the two nearest where it falls between them. */
export function quantile(all, q) {
  const sorted = [...all].sort((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const below = sorted[Math.floor(at)]
  return below + (sorted[Math.ceil(at)] - below) * (at - Math.floor(at))
}

export function round(value) {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return Math.round(value * 10 ** digits) / 10 ** digits
}

/** As a table of Markdown, which a terminal shows well enough. */
export function table(rows) {
  const cells = rows.map(({ what, value, unit, floor, floorValue, ratio, aim, met }) => [
    what,
    `${value} ${unit}`,
    floor === undefined ? '' : `${floorValue} (${floor})`,
    ratio === undefined ? '' : `${ratio} ×`,
    aim ?? '',
    met === undefined ? '' : met ? 'met' : '**missed**',
  ])
  const all = [['what', 'figure', 'floor', 'ratio', 'aim', ''], ...cells]
  const widths = all[0].map((_, column) => Math.max(...all.map((line) => line[column].length)))
  const lines = all.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`)
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`)
  return lines.join('\n')
}

/** Runs a bench where its file is the program: prints its rows as a table, or as JSON. */
export async function main(meta, bench) {
  if (process.argv[1] !== fileURLToPath(meta.url)) return
  const rows = await bench()
  console.log(options.json ? JSON.stringify(rows) : table(rows))
}
