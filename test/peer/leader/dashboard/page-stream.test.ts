import { expect, test } from 'vitest'
import { createReader } from '../../../../src/peer/leader/dashboard/page/sse.ts'

const STREAM = ': open\n\nid: 7\ndata: {"a":1}\n\nevent: reset\ndata: {"oldest":3}\n\n: ping\n\nid: 8\ndata: x: y\n\n'

test('a stream is read the same wherever it is cut', () => {
  const whole = createReader()(STREAM)
  expect(whole).toEqual([
    { id: '7', event: 'message', data: '{"a":1}' },
    { id: null, event: 'reset', data: '{"oldest":3}' },
    { id: '8', event: 'message', data: 'x: y' },
  ])
  for (let size = 1; size < STREAM.length; size++) {
    const read = createReader()
    const frames = []
    for (let at = 0; at < STREAM.length; at += size) frames.push(...read(STREAM.slice(at, at + size)))
    expect(frames).toEqual(whole)
  }
})

test('a frame is given when it is whole, not before', () => {
  const read = createReader()
  expect(read('id: 1\ndata: {}\n')).toEqual([])
  expect(read('\n')).toEqual([{ id: '1', event: 'message', data: '{}' }])
})
