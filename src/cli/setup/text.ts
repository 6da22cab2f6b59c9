import { isDeepStrictEqual } from 'node:util'
import type { Piece } from './agent.ts'
import { isOurText } from './command-text.ts'
import { Refusal } from './file.ts'
import { hooksOf, objectOf } from './hooks.ts'
import { type Edit, editJson, parseJson, Unparsable } from './json.ts'
import { at, edited, editsFor, holdsOurs, undoEdits } from './pieces.ts'
import { merged, parseToml, removeTable, setTable } from './toml.ts'

/** A configuration file's text with ours in it, or without; whatever else it says, it says afterwards. Pure. */

export interface Kept {
  readonly file: string
  readonly format: 'json' | 'toml'
  readonly pieces: readonly Piece[]
}

/** Throws `Refusal` where the text cannot be understood, or could not be edited safely. */
export function withOurs(kept: Kept, text: string | undefined): string {
  const { file, format, pieces } = kept
  const [whole] = pieces.filter((piece) => piece.kind === 'whole')
  if (whole) {
    if (text !== undefined && text.trim() !== '' && !isOurText(text)) throw new Refusal(file, 'somebody else has written it')
    return whole.text
  }
  if (format === 'toml')
    return pieces.reduce((rest, piece) => (piece.kind === 'entry' ? setToml(kept, rest, piece) : rest), text ?? '')
  const document = read(kept, text ?? '')
  return checked(kept, text ?? '', document, editsFor(document, pieces))
}

/** Undefined where nothing is left that would be worth a file. `original` is what the text was before, if that is known. */
export function withoutOurs(kept: Kept, text: string, original: string | undefined): string | undefined {
  const { format, pieces } = kept
  if (pieces.some((piece) => piece.kind === 'whole')) return isOurText(text) ? undefined : text
  if (format === 'toml') {
    const entries = pieces.filter((piece) => piece.kind === 'entry')
    const before = original === undefined ? undefined : read(kept, original)
    return orNothing(
      text,
      entries.reduce((rest, piece) => {
        const old = at(before, piece.path)
        if (at(read(kept, rest), piece.path) === undefined) return rest
        return old === undefined ? clearToml(kept, rest, piece.path) : setToml(kept, rest, { ...piece, value: objectOf(old) })
      }, text),
    )
  }
  const document = read(kept, text)
  const before = original === undefined ? undefined : (read(kept, original) ?? {})
  return orNothing(text, checked(kept, text, document, undoEdits(document, pieces, before)))
}

/** Whether anything of ours is in it. */
export const hasOurs = (kept: Kept, text: string): boolean =>
  kept.pieces.some((piece) => piece.kind === 'whole') ? isOurText(text) : holdsOurs(read(kept, text), kept.pieces)

/** Only what changed may be emptied into nothing: an empty file that was ours to leave alone is somebody's. */
const orNothing = (before: string, after: string) => (after !== before && /^(?:\{\s*\})?$/.test(after.trim()) ? undefined : after)

/** The text as a document; its root is an object, or nothing. */
function read({ file, format }: Pick<Kept, 'file' | 'format'>, text: string): unknown {
  try {
    const document = format === 'toml' ? parseToml(text) : parseJson(text)
    if (document === undefined || (typeof document === 'object' && document !== null && !Array.isArray(document))) return document
  } catch (error) {
    if (error instanceof Unparsable) throw new Refusal(file, error.message, error.line)
    throw error
  }
  throw new Refusal(file, 'it holds no object', 1)
}

function checked({ file, pieces }: Kept, text: string, document: unknown, edits: readonly Edit[]): string {
  for (const piece of pieces) if (piece.kind === 'entry' || piece.kind === 'lists') expectContainers(file, document, piece)
  const result = editJson(text, edits)
  const expected = edits.reduce((rest, { path, value }) => edited(rest, path, value), document)
  if (!isDeepStrictEqual(parseJson(result) ?? {}, expected ?? {}))
    throw new Refusal(file, 'it could not be edited without changing something else (does a key stand there twice?)')
  return result
}

/** What ours goes into must be what it is taken for, or somebody's words would be lost. */
function expectContainers(file: string, document: unknown, { path, kind }: Extract<Piece, { kind: 'entry' | 'lists' }>): void {
  const depth = kind === 'lists' ? path.length : path.length - 1
  for (let length = 1; length <= depth; length++) {
    const value = at(document, path.slice(0, length))
    if (value !== undefined && (typeof value !== 'object' || value === null || Array.isArray(value)))
      throw new Refusal(file, `${path.slice(0, length).join('.')} is no object`)
  }
  if (kind !== 'lists') return
  for (const [event, list] of Object.entries(objectOf(at(document, path))))
    if (!Array.isArray(list) && hooksOf({ hooks: list }) === undefined && typeof list === 'object')
      throw new Refusal(file, `${[...path, event].join('.')} is no list`)
}

type EntryPiece = Extract<Piece, { kind: 'entry' }>

function setToml(kept: Kept, text: string, { path, value }: EntryPiece): string {
  const before = read(kept, text)
  const result = setTable(text, path, value)
  if (result === undefined) throw new Refusal(kept.file, `${path.join('.')} is written in a form that is not edited here`)
  return same(kept, result, edited(before, path, merged(at(before, path), value)))
}

function clearToml(kept: Kept, text: string, path: readonly string[]): string {
  const before = read(kept, text)
  const rest = edited(before, path, undefined)
  const [list = ''] = path
  const isEmpty = Object.keys(objectOf(at(rest, [list]))).length === 0
  const result = removeTable(text, path)
  // The list's own header may stay, with nothing in it.
  const expected = isEmpty && at(read(kept, result), [list]) === undefined ? edited(rest, [list], undefined) : rest
  return same(kept, result, expected)
}

function same(kept: Kept, result: string, expected: unknown): string {
  let found: unknown
  try {
    found = read(kept, result)
  } catch {
    throw new Refusal(kept.file, 'its list of servers is written in a form that is not edited here')
  }
  if (!isDeepStrictEqual(plain(found), plain(expected)))
    throw new Refusal(kept.file, 'it could not be edited without changing something else')
  return result
}

/** Without the parser's own classes and null prototypes, which are never equal. */
const plain = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(plain)
    : value instanceof Date
      ? value.toISOString()
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]))
        : value
