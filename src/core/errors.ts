/**
 * Everything that can go wrong, as codes with facts. The sentence is built from the facts, so the two
 * cannot disagree; what a reader should do about it is each front end's own `Record<Code, …>`, so that
 * a new code does not compile until every front end has an answer for it.
 */
export interface Facts {
  invalid: { operation: string; issues: string[] }
  too_large: { what: string; limitBytes: number; actualBytes: number }
  unknown_peer: { peer: string; suggestions: string[] }
  ambiguous_peer: { peer: string; matches: string[] }
  not_found: { what: string; id: string }
  locked: { conflicts: Conflict[]; place: number | null }
  not_holder: { filePath: string; holder: string | null }
  impersonation: { peer: string }
  version_conflict: { namespace: string; key: string; expected: number; actual: number; updatedBy: string | null }
  full: { what: string; limit: number }
  rate_limited: { limit: number; windowMs: number; retryAfterMs: number }
  cancelled: { operation: string }
  unknown_outcome: { operation: string }
  closed: { why: string }
  not_leader: { term: number }
  busy: { path: string; waitedMs: number }
  disk_full: { path: string }
  read_only: { path: string }
  corrupt: { path: string; detail: string; recurring: boolean }
  storage: { path: string; detail: string }
  library_unfit: { detail: string }
  unsafe: { path: string; why: string }
  schema_newer: { path: string; found: number; known: number }
  unreachable: { url: string; since: string; detail: string }
  access_denied: { url: string; what: string }
  server_unfit: { url: string; found: string; fix: string }
  setting: { name: string; value: string; expected: string }
  internal: { reference: string }
}

/** Who is in the way of a lock. */
export interface Conflict {
  filePath: string
  holder: { id: string; name: string }
  /** The machine of its holder, where that is another. */
  host?: string
  reason: string
  /** ISO 8601; for a path that somebody else waits for first, when that wait ends at the latest. */
  until: string
  /** `held`, or `awaited` by somebody who asked earlier. */
  kind: 'held' | 'awaited'
}

export type Code = keyof Facts

const list = (words: string[]) => words.join(', ')
/** What others have written, or named, stays inside its quotes. */
const quote = (text: string) => JSON.stringify(text)

const sentence: { [C in Code]: (facts: Facts[C]) => string } = {
  invalid: (f) => `${f.operation}: ${f.issues.join('; ')}`,
  too_large: (f) => `${f.what} is ${f.actualBytes} bytes; the limit is ${f.limitBytes}`,
  unknown_peer: (f) =>
    `no peer is called ${JSON.stringify(f.peer)}${f.suggestions.length > 0 ? `; known peers: ${list(f.suggestions)}` : '; no other peer is known'}`,
  ambiguous_peer: (f) => `${JSON.stringify(f.peer)} fits several peers: ${list(f.matches)}`,
  not_found: (f) => `no ${f.what} ${JSON.stringify(f.id)}`,
  locked: (f) =>
    f.conflicts
      .map((c) =>
        c.kind === 'held'
          ? `${quote(c.filePath)} is locked by ${c.holder.name}${c.host === undefined ? '' : ` on ${quote(c.host)}`} until ${c.until}${c.reason && ` (${quote(c.reason)})`}`
          : `${quote(c.filePath)} is free, but ${c.holder.name} has waited for it longer`,
      )
      .join('; ') + (f.place === null ? '' : `; you were number ${f.place} in line`),
  not_holder: (f) => `${quote(f.filePath)} is ${f.holder ? `locked by ${f.holder}, not by you` : 'not locked'}`,
  impersonation: (f) => `${f.peer} is a session of its own: nobody else may act as it`,
  version_conflict: (f) =>
    f.actual === 0
      ? `${quote(f.key)} in ${quote(f.namespace)} does not exist, but version ${f.expected} was expected`
      : f.expected === 0
        ? `${quote(f.key)} in ${quote(f.namespace)} exists already, at version ${f.actual} by ${f.updatedBy}`
        : `${quote(f.key)} in ${quote(f.namespace)} is at version ${f.actual} by ${f.updatedBy}, not ${f.expected}`,
  full: (f) => `${f.what} is full: it holds its limit of ${f.limit}`,
  rate_limited: (f) => `more than ${f.limit} writes in ${f.windowMs / 1000} s`,
  unknown_outcome: (f) => `the leader went away before it answered: whether ${f.operation} happened is not known`,
  cancelled: (f) => `${f.operation} was cancelled`,
  closed: (f) => `this peer has left the mesh: ${f.why}`,
  not_leader: (f) => `term ${f.term} is over`,
  busy: (f) => `${f.path} was kept busy by another process for ${Math.round(f.waitedMs / 100) / 10} s; nothing was changed`,
  disk_full: (f) => `the disk that holds ${f.path} is full; nothing was changed`,
  read_only: (f) => `${f.path} cannot be written`,
  corrupt: (f) =>
    `${f.path} is damaged${f.recurring ? ' again, after it was moved aside and made anew several times within ten minutes' : ''}: ${f.detail}`,
  storage: (f) => `${f.path} cannot be used: ${f.detail}`,
  library_unfit: (f) => `better-sqlite3 cannot be used: ${f.detail}`,
  unsafe: (f) => `${f.path} is refused: ${f.why}`,
  schema_newer: (f) =>
    `${f.path} has schema ${f.found}, made by a newer slm-mesh; this one knows schemas up to ${f.known} and touches nothing`,
  unreachable: (f) => `${f.url} cannot be reached since ${f.since}: ${f.detail}; what this machine last knew can still be read`,
  access_denied: (f) => `${f.url} does not let us ${f.what}`,
  server_unfit: (f) => `${f.url} ${f.found}: ${f.fix}`,
  setting: (f) => `${f.name}=${JSON.stringify(f.value)} is not ${f.expected}`,
  internal: (f) => `a bug in slm-mesh, logged under ${f.reference}`,
}

export class MeshError<C extends Code = Code> extends Error {
  override readonly name = 'MeshError'
  constructor(
    readonly code: C,
    readonly facts: Facts[C],
    options?: ErrorOptions,
  ) {
    super(sentence[code](facts), options)
  }
}

export const fail = <C extends Code>(code: C, facts: Facts[C], options?: ErrorOptions) => new MeshError(code, facts, options)

/** True for a MeshError of that code, whose facts are then known. */
export const isFailure = <C extends Code>(error: unknown, code: C): error is MeshError<C> =>
  error instanceof MeshError && error.code === code
