import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Agent, Entry, Piece, Wanted } from './agent.ts'
import { type Content, hashOf, type Kind, missingDirs, Refusal, readContent, removeContent, writeContent } from './file.ts'
import { type Home, thereOrFirst } from './home.ts'
import type { Before, Journal } from './journal.ts'
import { hasOurs, type Kept, withOurs, withoutOurs } from './text.ts'

/** What would be done to which files of an agent, and the doing of it. */

interface Change {
  readonly file: string
  /** Undefined: there is no file. */
  readonly before: string | undefined
  readonly after: string | undefined
  /** Something of ours is in it afterwards. */
  readonly isLeft: boolean
  /** Looks again, and writes: agents write to their files too. */
  readonly apply: () => void
}

export interface Plan {
  readonly agent: Agent
  readonly changes: readonly Change[]
  readonly refused: readonly Refusal[]
}

/** One file as it would become. */
interface Step {
  readonly before: Content | undefined
  readonly after: Buffer | undefined
  take(): void
}

export interface Site {
  readonly home: Home
  readonly kind: Kind
  readonly journal: Journal
}

export const ENTRY_NAME = 'slm-mesh'

/** The files of an agent, and what of ours goes into each; for removal, all that may hold some. */
export function filesOf(agent: Agent, { home, kind }: Site, wanted: Wanted, every: boolean): Kept[] {
  const { servers, hooks, commands } = agent
  const kept = new Map<string, { format: Kept['format']; pieces: Piece[] }>()
  const add = (file: string, format: Kept['format'], ...pieces: readonly Piece[]) => {
    const path = resolve(home.cwd, file)
    const had = kept.get(path)
    if (had) had.pieces.push(...pieces)
    else kept.set(path, { format, pieces: [...pieces] })
  }
  if (servers.format !== 'yaml') {
    const candidates = servers[kind](home)
    const chosen = every ? candidates : kind === 'user' && servers.pick ? servers.pick(home) : thereOrFirst(candidates)
    const entry: Entry = servers.entry(wanted.start, home)
    for (const file of chosen) add(file, servers.format, { kind: 'entry', path: [servers.key, ENTRY_NAME], value: entry })
  }
  const hooksFile = hooks?.[kind]?.(home)
  if (hooks && hooksFile !== undefined && (every || wanted.hooks || existsSync(hooksFile)))
    add(hooksFile, 'json', ...hooks.pieces(wanted))
  const commandFile = commands?.[kind]?.(home)
  if (commands && commandFile !== undefined) add(commandFile, 'json', { kind: 'whole', text: commands.text })
  return [...kept].map(([file, { format, pieces }]) => ({ file, format, pieces }))
}

export const planSetup = (agent: Agent, site: Site, wanted: Wanted): Plan =>
  planOf(agent, filesOf(agent, site, wanted, false), (kept) => {
    const before = readContent(kept.file)
    const text = withOurs(kept, before?.text)
    if (text === (before?.text ?? '')) return undefined
    const after = bytesOf(text, before)
    return {
      ...{ before, after },
      take() {
        // The journal first: whatever happens after it, the way back is known.
        site.journal.keep(kept.file, { ...wasBefore(kept, site.journal, before), hash: hashOf(after) })
        writeContent(kept.file, after, site.kind)
      },
    }
  })

export const planRemoval = (agent: Agent, site: Site, wanted: Wanted): Plan =>
  // What was made last goes first: so no directory is still needed when its turn comes.
  planOf(agent, filesOf(agent, site, wanted, true).reverse(), (kept) => {
    const before = readContent(kept.file)
    const was = site.journal.find(kept.file)
    if (before === undefined) return undefined
    const after = restored(kept, before, was)
    if (after?.equals(before.bytes)) return undefined
    return {
      ...{ before, after },
      take() {
        if (after === undefined) removeContent(kept.file, was?.madeDirs ?? [])
        else writeContent(kept.file, after, site.kind)
        site.journal.forget(kept.file)
      },
    }
  })

function planOf(agent: Agent, files: readonly Kept[], stepFor: (kept: Kept) => Step | undefined): Plan {
  const changes: Change[] = []
  const refused: Refusal[] = []
  for (const kept of files) {
    try {
      const step = stepFor(kept)
      if (step === undefined) continue
      const after = decoded(step.after)
      changes.push({
        file: kept.file,
        before: step.before?.text,
        after,
        isLeft: after !== undefined && hasOurs(kept, after),
        apply: () => stepFor(kept)?.take(),
      })
    } catch (error) {
      refused.push(refusalOf(kept.file, error))
    }
  }
  return { agent, changes, refused }
}

/** What the operating system refuses is a refusal too; anything else is a bug. */
export function refusalOf(file: string, error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof Error && 'syscall' in error) return new Refusal(file, error.message)
  throw error
}

/** The very bytes from before, where nobody has written to the file since; else what is there now without ours. */
function restored(kept: Kept, now: Content, was: Before | undefined): Buffer | undefined {
  if (was && hashOf(now.bytes) === was.hash) return was.original
  const text = withoutOurs(kept, now.text, was && decoded(was.original))
  return text === undefined ? undefined : bytesOf(text, now)
}

/** What removal should bring back. */
function wasBefore(kept: Kept, journal: Journal, now: Content | undefined): Before {
  const known = journal.find(kept.file)
  if (now === undefined) return { hash: '', original: undefined, madeDirs: missingDirs(kept.file) }
  if (known === undefined) return { hash: '', original: now.bytes, madeDirs: [] }
  return { ...known, original: restored(kept, now, known) }
}

const bytesOf = (text: string, like: Content | undefined) => Buffer.from((like?.mark ?? '') + text)

const decoded = (bytes: Buffer | undefined): string | undefined => bytes?.toString('utf8').replace(/^\uFEFF/, '')
