import * as z from '../core/schema.ts'
import { MOMENTS } from './hook.ts'

/**
 * What goes over a doorbell: lines of JSON of at most 4 KiB. A frame says "look", never what there is to see, so a
 * lost, forged, doubled or reordered one breaks nothing.
 */

export const MAX_FRAME_BYTES = 4_096
/** The protocol's version, told in `hello`. Newer peers may ring in ways that older ones ignore. */
export const PROTOCOL = 1

const Frame = z.once(() =>
  z.discriminatedUnion('k', [
    /** Who calls, so that the called one knows whose end it means when the link closes. */
    z.object({
      k: z.literal('hello'),
      v: z.int(),
      peer: z.string().check(z.maxLength(64)),
      socket: z.string().check(z.maxLength(512)),
    }),
    /** Something in the database concerns you. */
    z.object({ k: z.literal('ring') }),
    /** The leader has changed: read the row. */
    z.object({ k: z.literal('leader') }),
    z.object({ k: z.literal('ping') }),
    z.object({ k: z.literal('pong') }),
    /** Of a hook: files that its `ask` is about; many go in several frames. */
    z.object({ k: z.literal('paths'), paths: z.array(z.string()) }),
    /** Of a hook: what it wants to know (hook.ts). It is told in a line of its own, which is no frame and may be long. */
    z.object({
      k: z.literal('ask'),
      agent: z.string().check(z.maxLength(64)),
      moment: z.enum(MOMENTS),
      cwd: z.optional(z.string()),
      isSubagent: z.optional(z.boolean()),
      autoLock: z.optional(z.boolean()),
    }),
    /** Of a hook: what it was told has reached its agent. */
    z.object({ k: z.literal('left') }),
  ]),
)
export type Frame = z.infer<ReturnType<typeof Frame>>

export const encode = (frame: Frame): string => `${JSON.stringify(frame)}\n`

/** A line that is no frame, or too long to be one; the connection that sent it is closed, and nothing else. */
export class BadFrame extends Error {
  override readonly name = 'BadFrame'
}

const NOTHING = Buffer.alloc(0)

/**
 * Cuts a byte stream into frames, whatever the chunks' borders. Holds at most one frame's bytes. Throws `BadFrame`
 * for what is not JSON, not an object with a kind, or too long; a well-formed frame of an unknown kind is left out.
 */
export class FrameReader {
  #rest: Buffer = NOTHING

  read(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = []
    let bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : viewOf(chunk)
    for (;;) {
      const end = bytes.indexOf(0x0a)
      if (end > MAX_FRAME_BYTES || (end === -1 && bytes.length > MAX_FRAME_BYTES)) {
        this.#rest = NOTHING
        throw new BadFrame('a frame is too long')
      }
      if (end === -1) break
      const line = bytes.toString('utf8', 0, end)
      const frame = plain.get(line) ?? parse(line)
      if (frame) frames.push(frame)
      bytes = bytes.subarray(end + 1)
    }
    this.#keep(bytes)
    return frames
  }

  /** A copy of its own: a view would keep the whole chunk, and a small copy a whole slab of Node's pool. */
  #keep(bytes: Uint8Array): void {
    this.#rest = bytes.length === 0 ? NOTHING : Buffer.allocUnsafeSlow(bytes.length)
    this.#rest.set(bytes)
  }
}

const viewOf = (chunk: Uint8Array) => Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)

/** Most frames say their kind and nothing else. As we write them, they are known at sight. */
const plain = new Map(
  (['ring', 'leader', 'ping', 'pong', 'left'] as const).map((k): [string, Frame] => [encode({ k }).trimEnd(), { k }]),
)

const AnyFrame = z.once(() => z.object({ k: z.string().check(z.maxLength(32)) }))

function parse(line: string): Frame | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new BadFrame('a frame is not JSON')
  }
  const known = Frame().safeParse(value)
  if (known.success) return known.data
  const kind = AnyFrame().safeParse(value)
  if (!kind.success) throw new BadFrame('a frame has no kind')
  if (Frame().def.options.some((option) => option.shape.k.safeParse(kind.data.k).success))
    throw new BadFrame(`a ${kind.data.k} frame is malformed`)
  return undefined
}
