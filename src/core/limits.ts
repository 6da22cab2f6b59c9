import { CHOSEN_NAME, isReserved } from './chosen-name.ts'
import { fail } from './errors.ts'
import * as z from './schema.ts'

/** How many peers may live at once. Each costs every event one row look-up and the leader one socket. */
export const MAX_PEERS = 256
/** Most peers named in one send, most paths in one lock: a call stays one short transaction. */
export const MAX_LIST = 64

/** The longest `wait`, in seconds: MCP clients give up on a silent call sooner or later. */
const MAX_WAIT_S = 300

/** Text that SQLite, JSON and a terminal all keep as it is: no NUL, no half of a surrogate pair. */
export const text = (maxChars?: number) =>
  z.string().check(
    ...(maxChars === undefined ? [] : [z.maxLength(maxChars)]),
    z.refine((s) => s.isWellFormed() && !s.includes('\0'), 'must be well-formed Unicode without NUL'),
  )

/** Text that fits on one line: names, keys, paths. */
export const line = (maxChars: number) =>
  text(maxChars).check(
    z.minLength(1),
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    z.regex(/^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/, 'must not contain control characters'),
  )

/** A name that somebody chooses for a peer. */
export const chosenName = z.once(() =>
  z.string().check(
    z.regex(CHOSEN_NAME, 'must be up to 64 letters, digits, - _ . and begin with a letter or digit'),
    z.refine((name) => !isReserved(name), 'is reserved'),
  ),
)

/** A peer by name, id or unique id prefix. */
export const peerReference = z.once(() => line(64))

export const waitSeconds = z.once(() => z.number().check(z.minimum(0), z.maximum(MAX_WAIT_S)))

/** Throws `too_large` for text of more than `limitBytes` in UTF-8. */
export function limitBytes(what: string, value: string, limitBytes: number): void {
  const actualBytes = Buffer.byteLength(value)
  if (actualBytes > limitBytes) throw fail('too_large', { what, limitBytes, actualBytes })
}

/**
 * A budget of writes: `limit` in any `windowMs`, refilled evenly. A runaway agent is told, and the others keep
 * their latency; the cost is one object a peer. A limit of 0 switches it off.
 */
export function createBudget(limit: number, windowMs: number, uptime: () => number) {
  let tokens = limit
  let filledAt = uptime()
  return {
    /** Takes one, or throws `rate_limited` with the time after which one is there again. */
    spend(): void {
      if (limit === 0) return
      const now = uptime()
      tokens = Math.min(limit, tokens + ((now - filledAt) * limit) / windowMs)
      filledAt = now
      if (tokens < 1) throw fail('rate_limited', { limit, windowMs, retryAfterMs: Math.ceil(((1 - tokens) * windowMs) / limit) })
      tokens -= 1
    },
  }
}
