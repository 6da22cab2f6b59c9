import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { makePrivateDir } from '../../core/paths.ts'

/**
 * What stood in each file before set-up wrote to it, so that removal brings back the very bytes. It is kept in the mesh's
 * own directory, readable by its owner alone: beside the files it would be read by some agents, and committed with some
 * projects. Without it removal takes out what it recognises as ours.
 */

const Entry = z.object({
  file: z.string(),
  /** Of what was written: whether somebody has changed it since. */
  hash: z.string(),
  existed: z.boolean(),
  /** Directories that were made for it, the deepest first. */
  madeDirs: z.array(z.string()),
})

export interface Before {
  readonly hash: string
  /** Undefined: there was no file. */
  readonly original: Buffer | undefined
  readonly madeDirs: readonly string[]
}

export class Journal {
  readonly #dir: string
  constructor(dataDir: string) {
    this.#dir = join(dataDir, 'setup')
  }

  find(file: string): Before | undefined {
    try {
      const entry = Entry.parse(JSON.parse(readFileSync(this.#note(file), 'utf8')))
      return { ...entry, original: entry.existed ? readFileSync(this.copyOf(file)) : undefined }
    } catch {
      // None, or a damaged one, which is worth nothing.
      return undefined
    }
  }

  /** The copy of the original, for people. */
  copyOf = (file: string) => join(this.#dir, `${this.#key(file)}-${basename(file)}`)

  keep(file: string, { hash, original, madeDirs }: Before): void {
    makePrivateDir(dirname(this.#dir))
    makePrivateDir(this.#dir)
    if (original !== undefined) writeFileSync(this.copyOf(file), original, { mode: 0o600 })
    const entry: z.infer<typeof Entry> = { file, hash, existed: original !== undefined, madeDirs: [...madeDirs] }
    writeFileSync(this.#note(file), `${JSON.stringify(entry, null, 2)}\n`, { mode: 0o600 })
  }

  forget(file: string): void {
    if (!existsSync(this.#dir)) return
    rmSync(this.#note(file), { force: true })
    rmSync(this.copyOf(file), { force: true })
    for (const dir of [this.#dir, dirname(this.#dir)]) {
      try {
        rmdirSync(dir)
      } catch {
        return
      }
    }
  }

  #note = (file: string) => join(this.#dir, `${this.#key(file)}.json`)
  #key = (file: string) => createHash('sha256').update(file).digest('hex').slice(0, 16)
}
