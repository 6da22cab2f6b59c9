import { line, text } from '../../../core/limits.ts'
import * as z from '../../../core/schema.ts'

/** What the leader serves for the dashboard, beside what it serves anyway. */

/** The page itself: open to all, because it holds nothing. */
export const PAGE_PATHS = ['/', '/dashboard/app.js', '/dashboard/app.css', '/dashboard/icon.svg'] as const
export type PagePath = (typeof PAGE_PATHS)[number]

/** Where the leader shows that it is one; open to all, because nobody learns anything there who does not have the key. */
export const PROOF_PATH = '/dashboard/proof'
/** `GET /dashboard/proof`. */
export const ProofQuery = z.once(() =>
  z.object({
    key: z
      .string()
      .check(
        z.regex(/^[0-9a-f]{16}$/, 'must be 16 hex digits'),
        z.describe('the first 16 hex digits of the SHA-256 of a browser key'),
      ),
    challenge: line(256).check(z.describe('any text')),
  }),
)

const seq = (what: string) =>
  z.optional(z.string().check(z.regex(/^\d{1,15}$/, 'must be the seq of a message'), z.describe(what)))

/** `GET /dashboard/messages`. */
export const MessagesQuery = z.once(() =>
  z.object({
    before: seq('the newest before this seq'),
    after: seq('the oldest after this seq, instead'),
    peer: z.optional(line(64).check(z.describe('from or to this peer, by id or name'))),
    thread: z.optional(line(64)),
    text: z.optional(text(200).check(z.describe('somewhere in the text or in the names, in capitals or not'))),
    limit: z.optional(
      z.string().check(z.regex(/^([1-9]|[1-9]\d|1\d\d|200)$/, 'must be from 1 to 200'), z.describe('1 to 200; else 50')),
    ),
  }),
)
