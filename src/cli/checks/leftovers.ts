import type { Leftover } from '../leftovers/leftover.ts'
import { stages } from '../leftovers/stages.ts'
import { type Check, NO_MESH, ok, warn } from './check.ts'

/** What would `slm-mesh clean` do? */
export const leftovers: Check = async ({ layout, has, rows }) => {
  if (!has.dataDir) return ok(NO_MESH)
  const ground = { layout, rows: rows(), store: () => Promise.reject(new Error('only looked at')) }
  const found: Leftover[] = []
  for (const find of stages) found.push(...(await find(ground)))
  if (found.length === 0) return ok('nothing that clean would remove')
  const list = Object.entries(NAMES).flatMap(([kind, [one, many]]) => {
    const count = found.filter((leftover) => leftover.kind === kind).length
    return count === 0 ? [] : `${count} ${count === 1 ? one : many}`
  })
  return warn(list.join(', '), 'slm-mesh clean')
}

const NAMES: { readonly [K in Leftover['kind']]: readonly [one: string, many: string] } = {
  zombie: ['MCP process without an agent', 'MCP processes without an agent'],
  peer: ['dead peer', 'dead peers'],
  leadership: ['dead claim to lead', 'dead claims to lead'],
  guard: ['old lock directory', 'old lock directories'],
  socket: ['stale socket', 'stale sockets'],
  temporary: ['half-written file', 'half-written files'],
  damaged: ['damaged database', 'damaged databases'],
}
