import { isDeepStrictEqual } from 'node:util'
import type { Entry, Lists, Piece } from './agent.ts'
import { hooksOf, isOurHook, objectOf } from './hooks.ts'
import type { Edit, Path } from './json.ts'

/** What has to be edited so that a document holds what is wanted of ours, and nothing else of ours. Pure. */

/** Edits apply one after the other: each sees what the ones before have done. */
export function editsFor(document: unknown, pieces: readonly Piece[]): Edit[] {
  const session = new Session(document)
  for (const piece of pieces) {
    if (piece.kind === 'entry') setEntry(session, piece.path, piece.value)
    if (piece.kind === 'lists') setLists(session, piece)
    if (piece.kind === 'beside' && at(session.document, piece.path) === undefined) session.edit(piece.path, piece.value)
  }
  return session.edits
}

/**
 * The way back. What `original` had of ours comes back, containers that it had stay; without one, nothing of ours is left,
 * and nothing that holds nothing.
 */
export function undoEdits(document: unknown, pieces: readonly Piece[], original: unknown): Edit[] {
  const session = new Session(document)
  for (const piece of pieces) {
    if (piece.kind === 'entry') {
      const before = at(original, piece.path)
      if (!isDeepStrictEqual(at(session.document, piece.path), before)) session.edit(piece.path, before)
    }
    if (piece.kind === 'lists') setLists(session, { ...piece, lists: oursIn(original, piece) })
    if (piece.kind !== 'whole') leaveNothingEmpty(session, piece.path.slice(0, piece.kind === 'lists' ? undefined : -1), original)
  }
  // What was set beside ours goes with it, unless there is something else that may want it.
  const beside = pieces.filter((piece) => piece.kind === 'beside')
  const rest = Object.keys(objectOf(session.document)).filter((key) => !beside.some(({ path }) => path[0] === key))
  for (const { path, value } of beside)
    if (at(original, path) === undefined && isDeepStrictEqual(at(session.document, path), value))
      if (original !== undefined || rest.length === 0) session.edit(path, undefined)
  return session.edits
}

/** Whether anything of ours is in a document. */
export const holdsOurs = (document: unknown, pieces: readonly Piece[]): boolean =>
  pieces.some((piece) =>
    piece.kind === 'entry'
      ? at(document, piece.path) !== undefined
      : piece.kind === 'lists' && Object.keys(oursIn(document, piece)).length > 0,
  )

export function at(document: unknown, path: Path): unknown {
  let value = document
  for (const step of path) {
    if (Array.isArray(value)) value = value[Number(step)]
    else value = Object.hasOwn(objectOf(value), step) ? objectOf(value)[step] : undefined
  }
  return value
}

/** A document as it becomes, and the edits that make it so. */
class Session {
  document: unknown
  readonly edits: Edit[] = []
  constructor(document: unknown) {
    this.document = structuredClone(document)
  }
  edit(path: Path, value: unknown): void {
    if (value === undefined && at(this.document, path) === undefined) return
    this.edits.push({ path, value })
    this.document = edited(this.document, path, value)
  }
}

/** A document with one edit applied. */
export function edited(document: unknown, path: Path, value: unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined) return value
  if (typeof step === 'number') {
    const list: unknown[] = Array.isArray(document) ? [...document] : []
    if (rest.length === 0 && value === undefined) list.splice(step, 1)
    else list[step] = edited(list[step], rest, value)
    return list
  }
  const { [step]: old, ...others } = objectOf(document)
  if (rest.length === 0 && value === undefined) return others
  return { ...objectOf(document), [step]: edited(old, rest, value) }
}

function setEntry(session: Session, path: readonly string[], value: Entry): void {
  const old = at(session.document, path)
  if (Object.keys(value).length === 0) {
    session.edit(path, undefined)
    return leaveNothingEmpty(session, path.slice(0, -1), undefined)
  }
  if (typeof old !== 'object' || old === null || Array.isArray(old)) return session.edit(path, value)
  for (const [key, wanted] of Object.entries(value)) {
    const has = at(old, [key])
    if (isDeepStrictEqual(has, wanted)) continue
    const isObject = (one: unknown) => typeof one === 'object' && one !== null && !Array.isArray(one)
    // Of an environment only our own variables.
    if (isObject(has) && isObject(wanted)) {
      for (const [name, inner] of Object.entries(objectOf(wanted)))
        if (!isDeepStrictEqual(at(has, [name]), inner)) session.edit([...path, key, name], inner)
    } else session.edit([...path, key], wanted)
  }
}

type ListsPiece = Extract<Piece, { kind: 'lists' }>

function setLists(session: Session, { path, agent, lists }: ListsPiece): void {
  const events = new Set([...Object.keys(objectOf(at(session.document, path))), ...Object.keys(lists)])
  for (const event of events) setList(session, [...path, event], agent, lists[event] ?? [])
  leaveNothingEmpty(session, path, undefined)
}

function setList(session: Session, path: Path, agent: string, wanted: readonly unknown[]): void {
  const found = at(session.document, path)
  const list: readonly unknown[] = Array.isArray(found) ? found : []
  const places = list.flatMap((value, i) => (isAllOurs(value, agent) ? [i] : []))
  const isMixed = list.some((value, i) => !places.includes(i) && innerOurs(value, agent).length > 0)
  if (
    !isMixed &&
    isDeepStrictEqual(
      places.map((i) => list[i]),
      wanted,
    )
  )
    return
  if (!isMixed && places.length === wanted.length) {
    for (const [n, i] of places.entries()) if (!isDeepStrictEqual(list[i], wanted[n])) session.edit([...path, i], wanted[n])
    return
  }
  for (let i = list.length - 1; i >= 0; i--) {
    if (places.includes(i)) session.edit([...path, i], undefined)
    else for (const n of innerOurs(list[i], agent).reverse()) session.edit([...path, i, 'hooks', n], undefined)
  }
  for (const value of wanted) {
    const now = at(session.document, path)
    session.edit([...path, Array.isArray(now) ? now.length : 0], value)
  }
  const left = at(session.document, path)
  if (Array.isArray(left) && left.length === 0 && places.length > 0) session.edit(path, undefined)
}

/** Positions of our hooks inside a group. */
const innerOurs = (value: unknown, agent: string): number[] =>
  (hooksOf(value) ?? []).flatMap((hook, n) => (isOurHook(hook, agent) ? [n] : []))

/** The element is a hook of ours, or a group of nothing else. */
function isAllOurs(value: unknown, agent: string): boolean {
  const inner = hooksOf(value)
  return inner === undefined ? isOurHook(value, agent) : inner.length > 0 && innerOurs(value, agent).length === inner.length
}

/** What a document has of ours in its lists. */
function oursIn(document: unknown, { path, agent }: ListsPiece): Lists {
  const found = Object.entries(objectOf(at(document, path))).map(([event, list]): [string, unknown[]] => [
    event,
    Array.isArray(list) ? list.filter((value) => isAllOurs(value, agent) || innerOurs(value, agent).length > 0) : [],
  ])
  return Object.fromEntries(found.filter(([, ours]) => ours.length > 0))
}

/** Takes out an empty object, and those around it that become empty, but none that the original has. */
function leaveNothingEmpty(session: Session, path: readonly string[], original: unknown): void {
  for (let length = path.length; length > 0; length--) {
    const here = path.slice(0, length)
    const value = at(session.document, here)
    const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0
    if (!isEmpty || at(original, here) !== undefined || session.edits.length === 0) return
    session.edit(here, undefined)
  }
}
