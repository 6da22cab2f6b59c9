import { fail, isFailure } from '../errors.ts'
import type { Connection } from './connection.ts'
import { type Footing, identityOf } from './moving.ts'
import { damageFound } from './soundness.ts'
import { mayBeDamage, translate } from './sqlite-errors.ts'

/** What SQLite has said of damage in the file that is open, and what that means to whoever asks for something. */
export class Damage {
  /** Undefined while nothing is known of any. */
  detail: string | undefined
  /** Why nothing could be done about it. */
  refusal: unknown
  /** The file in which it was seen, and which was then found to be whole. */
  #doubted = ''

  constructor(
    private readonly path: string,
    /** Undefined once it is closed. */
    private readonly file: () => Connection | undefined,
    private readonly onSeen: () => void,
  ) {}

  /** An error as its caller is told it: ours, where SQLite, the disk or damage of the file accounts for it; else as it is. */
  translate(error: unknown): unknown {
    const known = mayBeDamage(error) ? this.#behind(error) : translate(error, this.path)
    if (isFailure(known, 'corrupt') && this.detail === undefined && this.file()) {
      this.detail = known.facts.detail
      this.onSeen()
    }
    return known
  }

  /** A statement that SQLite refuses, or a value that cannot be, is a bug of ours; or the schema, an index or a row is damaged. */
  #behind(error: unknown): unknown {
    const file = this.file()
    const detail = file && damageFound(file)
    return detail === undefined ? error : this.failure(`${detail} (${error})`, error)
  }

  failure(detail = this.detail ?? '', cause?: unknown) {
    return fail('corrupt', { path: this.path, detail, recurring: false }, { cause })
  }

  /** Call under the guard of moving.ts. Nothing happens where another file stands at the path, or this one turns out to be whole. */
  async moveAside(footing: Footing): Promise<void> {
    if (this.detail === undefined || identityOf(this.path) !== footing['']) return
    const { quarantine, onceNoticed } = await import('./quarantine.ts')
    const isCertain = this.#doubted === footing['']
    const running = this.file()
    const done = await quarantine(this.path, { detail: this.detail, ...(running && { running }), isCertain })
    if (done) void onceNoticed().then(done.release)
    else this.#doubted = footing['']
  }

  /** The file has been left. */
  forget(): void {
    this.detail = undefined
    this.refusal = undefined
  }
}
