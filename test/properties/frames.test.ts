import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BadFrame, encode, type Frame, FrameReader, MAX_FRAME_BYTES } from '../../src/peer/frames.ts'
import { eventually } from '../support/eventually.ts'

/** A stream of bytes means the same however it was cut on its way, and no stream harms who reads it. */

const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ k: fc.constantFrom('ring' as const, 'leader' as const, 'ping' as const, 'pong' as const) }),
  fc.record({
    k: fc.constant('hello' as const),
    v: fc.integer(),
    peer: fc.string({ maxLength: 64, unit: 'grapheme-composite' }).filter((s) => s.length <= 64),
    socket: fc.string({ maxLength: 512 }),
  }),
)
/** Well-formed frames of kinds that a newer peer may send. */
const unknown = fc.string({ minLength: 1, maxLength: 20 }).map((k) => `${JSON.stringify({ k: `x${k}`, more: [1, {}] })}\n`)
const garbage = fc.oneof(
  fc.constantFrom(
    '\n',
    '{}\n',
    'null\n',
    '"ring"\n',
    '[]\n',
    '{"k":1}\n',
    '{"k":"hello"}\n',
    '{"k":"ring"',
    `${'['.repeat(4_000)}\n`,
    '\0\n',
    '{"__proto__":{"k":"ring"}}\n',
  ),
  fc.string().map((s) => `${s}\n`),
  fc.integer({ min: MAX_FRAME_BYTES - 2, max: 3 * MAX_FRAME_BYTES }).map((n) => `${' '.repeat(n)}\n`),
)
const cuts = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 30 })

/** The stream in pieces of those lengths, over and over. */
function* pieces(bytes: Buffer, lengths: readonly number[]): Generator<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length] ?? 1
    yield bytes.subarray(at, at + length)
    at += length
  }
}

/** What a connection would do: read until the stream ends or a bad frame closes it. Anything else that is thrown is a bug. */
function receive(bytes: Buffer, lengths: readonly number[]): { frames: Frame[]; closed: boolean } {
  const reader = new FrameReader()
  const frames: Frame[] = []
  for (const piece of pieces(bytes, lengths)) {
    try {
      frames.push(...reader.read(piece))
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error
      return { frames, closed: true }
    }
  }
  return { frames, closed: false }
}

test('frames come out as they went in, however the stream is cut, and unknown kinds are left out', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(frame, unknown), { maxLength: 30 }), cuts, (sent, lengths) => {
      const bytes = Buffer.from(sent.map((s) => (typeof s === 'string' ? s : encode(s))).join(''))
      const frames = sent.filter((s) => typeof s !== 'string')
      for (const cut of [lengths, [1], [bytes.length + 1]]) expect(receive(bytes, cut)).toEqual({ frames, closed: false })
    }),
  )
})

test('garbage closes the connection wherever it is cut, and what came before it is at most lost', () => {
  let closed = 0
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          { weight: 3, arbitrary: frame.map(encode) },
          { weight: 1, arbitrary: garbage },
          { weight: 1, arbitrary: unknown },
        ),
        { maxLength: 20 },
      ),
      cuts,
      (parts, lengths) => {
        const bytes = Buffer.from(parts.join(''))
        const [cut, whole, single] = [lengths, [bytes.length + 1], [1]].map((l) => receive(bytes, l))
        if (!cut || !whole || !single) throw new Error('three ways')
        expect([cut.closed, whole.closed]).toEqual([single.closed, single.closed])
        for (const other of [cut, whole]) expect(other.frames).toEqual(single.frames.slice(0, other.frames.length))
        if (!single.closed) expect([cut, whole]).toEqual([single, single])
        else closed++
      },
    ),
    { numRuns: 300 },
  )
  expect(closed).toBeGreaterThan(30)
})

test('random bytes never do anything but close', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 9_000, size: 'max' }), cuts, (bytes, lengths) => {
      receive(Buffer.from(bytes), lengths)
    }),
  )
})

test('a frame may have 4 KiB and not a byte more', () => {
  const sized = (size: number) => Buffer.from(`{"k":"ring"${' '.repeat(size - 12)}}\n`)
  for (const lengths of [[1], [7], [100_000]]) {
    expect(receive(sized(MAX_FRAME_BYTES), lengths)).toEqual({ frames: [{ k: 'ring' }], closed: false })
    expect(receive(sized(MAX_FRAME_BYTES + 1), lengths)).toEqual({ frames: [], closed: true })
  }
})

test('a reader keeps no more than the frame that it waits for, and no endless line', async () => {
  setFlagsFromString('--expose-gc')
  const gc: () => void = runInNewContext('gc')
  const held = () => {
    gc()
    return process.memoryUsage().arrayBuffers
  }
  const before = held()
  const READERS = 500
  const full = Buffer.from(`${' '.repeat(MAX_FRAME_BYTES - 20)}{"k":"ring"}\n`.repeat(16))
  const readers = Array.from({ length: READERS }, () => new FrameReader())
  for (const reader of readers) expect(reader.read(Buffer.concat([full, Buffer.from('{"k":')]))).toHaveLength(16)
  // Readers that kept their chunk would hold 32 MB. What is garbage may take a moment to go.
  await eventually(() => held() - before < 2 * READERS * MAX_FRAME_BYTES)
  const endless = Buffer.alloc(1_000, 'x')
  for (const reader of readers) expect(() => Array.from({ length: 5 }, () => reader.read(endless))).toThrow(BadFrame)
  await eventually(() => held() - before < 3 * READERS * MAX_FRAME_BYTES)
  expect(readers).toHaveLength(READERS)
})
