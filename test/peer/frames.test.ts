import { expect, test } from 'vitest'
import { BadFrame, encode, type Frame, FrameReader, MAX_FRAME_BYTES, PROTOCOL } from '../../src/peer/frames.ts'

const frames: Frame[] = [
  { k: 'hello', v: PROTOCOL, peer: 'p_01', socket: '/tmp/größe 日本 🦦.sock' },
  { k: 'ring' },
  { k: 'leader' },
  { k: 'ping' },
  { k: 'pong' },
  { k: 'paths', paths: ['/größe.ts'] },
  { k: 'ask', agent: 'codex', moment: 'stop', autoLock: true },
  { k: 'left' },
]
const read = (text: string | Uint8Array) => new FrameReader().read(Buffer.from(text))

test('frames arrive as they were sent, wherever the stream is cut', () => {
  const bytes = Buffer.from(frames.map(encode).join(''))
  for (let cut = 0; cut <= bytes.length; cut++) {
    const reader = new FrameReader()
    expect([...reader.read(bytes.subarray(0, cut)), ...reader.read(bytes.subarray(cut))]).toEqual(frames)
  }
  const reader = new FrameReader()
  expect([...bytes].flatMap((byte) => reader.read(Uint8Array.of(byte)))).toEqual(frames)
})

test('half a frame is no frame yet', () => {
  const reader = new FrameReader()
  expect(reader.read(Buffer.from('{"k":"ri'))).toEqual([])
  expect(reader.read(Buffer.from('ng"}'))).toEqual([])
  expect(reader.read(Buffer.from('\n'))).toEqual([{ k: 'ring' }])
})

test('kinds and fields of newer peers are passed over', () => {
  expect(read('{"k":"dance","with":[1]}\n{"k":"ring","tempo":3}\n{"k":"__proto__"}\n')).toEqual([{ k: 'ring' }])
})

test.each([
  ['no JSON', 'ring\n'],
  ['an empty line', '\n'],
  ['no object', '"ring"\n'],
  ['null', 'null\n'],
  ['no kind', '{}\n'],
  ['a kind that is no text', '{"k":1}\n'],
  ['a kind that is too long', `{"k":"${'x'.repeat(33)}"}\n`],
  ['a known kind without its fields', '{"k":"hello"}\n'],
  ['a known kind with a wrong field', '{"k":"hello","v":"1","peer":"p","socket":"/s"}\n'],
  ['an id that is too long', `{"k":"hello","v":1,"peer":"${'p'.repeat(65)}","socket":"/s"}\n`],
])('%s is refused', (_, line) => expect(() => read(line)).toThrow(BadFrame))

test(`a frame may have ${MAX_FRAME_BYTES} bytes and not one more, finished or not`, () => {
  const sized = (bytes: number) => `{"k":"later","x":"${'x'.repeat(bytes - 20)}"}`
  expect(sized(MAX_FRAME_BYTES)).toHaveLength(MAX_FRAME_BYTES)
  expect(read(`${sized(MAX_FRAME_BYTES)}\n{"k":"ring"}\n`)).toEqual([{ k: 'ring' }])
  expect(() => read(`${sized(MAX_FRAME_BYTES + 1)}\n`)).toThrow(BadFrame)
  expect(read(sized(MAX_FRAME_BYTES))).toEqual([])
  expect(() => read(sized(MAX_FRAME_BYTES + 1))).toThrow(BadFrame)
})

test('a long stream of short frames is no long frame', () => {
  expect(read(encode({ k: 'ring' }).repeat(10_000))).toHaveLength(10_000)
})
