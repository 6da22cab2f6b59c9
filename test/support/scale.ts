/** Counts of a fault test: a few by default, so that the suite stays quick; all that were promised with SLM_MESH_FAULTS=full. */
const isFull = process.env.SLM_MESH_FAULTS === 'full'

export const scaled = (usual: number, full: number): number => (isFull ? full : usual)

/** A full run of a test takes as much longer as it does more; a busy machine makes any run longer. */
export const patience = (usualMs: number): number => Math.max(300_000, isFull ? 20 * usualMs : usualMs)

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN
