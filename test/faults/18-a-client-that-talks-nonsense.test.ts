import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { operations } from '../../src/core/operations.ts'
import { meshDoors } from '../../src/mcp/tools.ts'
import { anyCall } from '../support/any-call.ts'
import { dataDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { type Answer, RawClient } from '../support/raw-client.ts'
import { scaled } from '../support/scale.ts'
import { Sqlite } from '../support/sqlite.ts'

const CALLS = scaled(1_000, 100_000)
const IN_FLIGHT = 200
const MAX_RSS_MIB = 300
const SEED = Number(process.env.SLM_MESH_SEED ?? 18)

let figures = ''
let asked = 0
afterAll(() => report(18, { load: 'an MCP server at its input', injected: asked, more: figures }))

const codeOf = ({ result }: Answer) =>
  (result as { _meta?: { 'slm-mesh/error'?: { code: string } } } | undefined)?._meta?.['slm-mesh/error']?.code

/** It still does what it is for, and its file is whole. */
async function expectWorking(client: RawClient): Promise<void> {
  const value = `still here ${client.answers.length}`
  expect((await client.tool('mesh_state', { action: 'set', key: 'after', value })).result?.isError).toBeUndefined()
  const { result } = await client.tool('mesh_state', { action: 'get', key: 'after' })
  expect(result?.structuredContent).toMatchObject({ entry: { value } })
  const db = new Sqlite(join(client.dir, 'mesh.db'), { readonly: true, timeout: 5_000 })
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
  db.close()
  // Nothing was a bug: each nonsense has an error of its own.
  expect(client.stderr).not.toContain('slm-mesh error')
}

const rssMib = (pid = 0) =>
  process.platform === 'linux' ? Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024 : 0

test('lines that are no JSON-RPC are each answered with an error that has no id, and the session goes on', async () => {
  await using client = await RawClient.start()
  await client.tool('mesh_status', {})
  const lines = [
    '{',
    'null',
    '[]',
    '42',
    '"text"',
    '{}',
    '{"jsonrpc":"1.0","id":1,"method":"x"}',
    'GET / HTTP/1.1',
    '\u0000',
    '{"id":9}',
  ]
  const wrongIds = [
    '{"jsonrpc":"2.0","id":{},"method":"ping"}',
    '{"jsonrpc":"2.0","id":[1],"method":"ping"}',
    '{"jsonrpc":"2.0","id":1.5e400,"method":"ping"}',
  ]
  const before = client.answersTo(null).length
  for (const line of [...lines, ...wrongIds]) client.write(`${line}\n`)
  client.write(Buffer.from([0xff, 0xfe, 0x80, 0x0a]))
  await eventually(() => client.answersTo(null).length === before + lines.length + wrongIds.length + 1)
  for (const { error } of client.answersTo(null)) expect([-32700, -32600]).toContain(error?.code)

  expect((await client.request('no/such/method', {})).error?.code).toBe(-32601)
  expect((await client.request('tools/call', {})).error).toBeDefined()
  expect((await client.tool('no_such_tool', {})).error?.code).toBe(-32602)
  expect((await client.tool('__proto__', {})).error?.code).toBe(-32602)
  expect((await client.request('tools/call', { name: 'mesh_status', arguments: 'text' })).error).toBeDefined()
  expect((await client.request('resources/read', { uri: 'mesh://__proto__' })).error?.code).toBe(-32602)
  expect((await client.request('prompts/get', { name: 'constructor' })).error?.code).toBe(-32602)
  // A notification that nobody knows is not answered, and answers to nothing are not either.
  client.write('{"jsonrpc":"2.0","method":"notifications/nonsense"}\n{"jsonrpc":"2.0","id":77777,"result":{}}\n')
  await expectWorking(client)
  expect(client.answersTo(77_777)).toEqual([])
})

/** A value of every JSON type, and the awkward ones of some. */
const wrong: readonly string[] = [
  ...String.raw`true 0 -1 1e308 9007199254740993 "" "\u0000" "\ud800" "\udfff-x" "\u001b[31m\r\n" [] [[]] [null] {}`.split(' '),
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  `"${'x'.repeat(300_000)}"`,
]

test('every field of every tool refuses every wrong type, names itself, and changes nothing', async () => {
  await using client = await RawClient.start({ env: { SLM_MESH_RATE: '0' } })
  const ids: { id: number; tool: string; field: string; value: string }[] = []
  for (const [tool, { members }] of meshDoors)
    for (const { operation, action } of members)
      for (const field of [...Object.keys(operations[operation].input.shape), 'no_such_field', '__proto__'])
        for (const value of wrong) {
          if (field === 'wait' && /^(0|true)/.test(value)) continue
          const args = `{${action ? `"action":"${action}",` : ''}"${field}":${value}}`
          ids.push({ id: client.send('tools/call', `{"name":"${tool}","arguments":${args}}`), tool, field, value })
        }
  await eventually(() => ids.every(({ id }) => client.answersTo(id).length === 1))
  const codes = new Map<string, number>()
  for (const { id, tool, field, value } of ids) {
    const [answer] = client.answersTo(id)
    const code = codeOf(answer!) ?? (answer?.result ? 'ok' : 'protocol')
    if (code === 'internal' || code === 'protocol')
      throw new Error(`${tool} ${field}=${value.slice(0, 80)}: ${JSON.stringify(answer)}`)
    if (field === 'no_such_field' && code === 'ok') throw new Error(`${tool} accepts a field that it does not have`)
    codes.set(code, (codes.get(code) ?? 0) + 1)
  }
  expect(codes.get('invalid')).toBeGreaterThan(ids.length / 2)
  const { result } = await client.tool('mesh_state', { action: 'list' })
  expect(result?.structuredContent).toMatchObject({ entries: [] })
  await expectWorking(client)
  asked += ids.length
  figures += `${ids.length} wrong fields (${[...codes].map(([code, n]) => `${n} ${code}`).join(', ')}); `
})

test.each([10_000, 100_000])('a payload nested %i deep is refused, and nothing of it is kept', async (depth) => {
  await using client = await RawClient.start()
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    const nested = `${open.repeat(depth)}1${close.repeat(depth)}`
    const answer = await client.tool('mesh_events', `{"action":"emit","types":["x_deep"],"payload":{"deep":${nested}}}`)
    expect([codeOf(answer), answer.result?.isError]).toEqual([expect.stringMatching(/^(invalid|too_large)$/), true])
    expect((await client.tool('mesh_send', `{"to":"x","message":${nested}}`)).result?.isError).toBe(true)
    // As the parameters themselves: what is no object makes the line no request, so its error has no id.
    const unaddressed = client.answersTo(null).length
    const id = client.send('tools/call', nested)
    await eventually(() => client.answersTo(id)[0]?.error ?? client.answersTo(null)[unaddressed]?.error)
  }
  const { result } = await client.tool('mesh_events', { action: 'read', types: ['x_deep'] })
  expect(result?.structuredContent).toMatchObject({ events: [] })
  await expectWorking(client)
})

test('text that is no text, and keys that are traps, are refused or kept inert', async () => {
  await using client = await RawClient.start()
  const set = (value: string, key = '"trap"') => client.tool('mesh_state', `{"action":"set","key":${key},"value":${value}}`)
  for (const value of ['"\\ud800"', '"a\\udc00b"', '"\\u0000"', '"x\\u0000y"']) expect(codeOf(await set(value))).toBe('invalid')
  for (const key of ['"\\ud800"', '"\\n"', '"\\u001b[2J"', '""']) expect(codeOf(await set('"v"', key))).toBe('invalid')
  for (const key of ['__proto__', 'constructor', 'toString', "'; DROP TABLE state; --"]) {
    expect((await set('"kept"', JSON.stringify(key))).result?.isError).toBeUndefined()
    const { result } = await client.tool('mesh_state', { action: 'get', key })
    expect(result?.structuredContent).toMatchObject({ entry: { key, value: 'kept' } })
  }
  const payload = '{"__proto__":{"polluted":true},"x":"\\u001b[31m"}'
  await client.tool('mesh_events', `{"action":"emit","types":["x_trap"],"payload":${payload}}`)
  const { result } = await client.tool('mesh_events', { action: 'read', types: ['x_trap'] })
  expect(result?.content?.[0]?.text).toContain('x_trap')
  expect(result?.content?.[0]?.text).not.toContain('\u001b')
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  await expectWorking(client)
})

test('of thousands of fuzzed calls at once, each gets exactly one answer, and the server stays small and sound', async () => {
  const dir = dataDir()
  await using client = await RawClient.start({ dir, env: { SLM_MESH_RATE: '0' } })
  await using other = await RawClient.start({ dir })
  await other.tool('mesh_status', {})
  const calls = fc.sample(anyCall(), { seed: SEED, numRuns: CALLS })
  const ids: number[] = []
  let rss = 0
  let answered = 0
  for (const [i, call] of calls.entries()) {
    // A cancellation now and then: a cancelled call may stay without an answer, so it is none of those counted.
    if (i % 97 === 0) {
      const id = client.send('tools/call', '{"name":"mesh_inbox","arguments":{"wait":60}}')
      client.write(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}\n`)
    }
    ids.push(client.send('tools/call', call))
    if (ids.length - answered < IN_FLIGHT) continue
    rss = Math.max(rss, rssMib(client.child.pid))
    await eventually(
      () => {
        while (answered < ids.length && client.answersTo(ids[answered]!).length > 0) answered++
        return ids.length - answered < IN_FLIGHT
      },
      { every: 1 },
    )
  }
  await eventually(() => ids.every((id) => client.answersTo(id).length > 0))
  expect(ids.filter((id) => client.answersTo(id).length !== 1)).toEqual([])
  const outcomes = new Map<string, number>()
  for (const id of ids) {
    const [answer] = client.answersTo(id)
    const outcome = codeOf(answer!) ?? (answer?.result ? 'ok' : `error ${answer?.error?.code}`)
    if (outcome === 'internal') throw new Error(`seed ${SEED}: ${calls[ids.indexOf(id)]}`)
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  expect(outcomes.get('ok')).toBeGreaterThan(0)
  expect(client.child.exitCode).toBeNull()
  expect(rss).toBeLessThan(MAX_RSS_MIB)
  await expectWorking(client)
  await expectWorking(other)
  asked += ids.length
  figures += `${ids.length} fuzzed calls (seed ${SEED}: ${[...outcomes].map(([code, n]) => `${n} ${code}`).join(', ')}), ${Math.round(rss)} MiB at most`
})

test.each([
  ['one line', 'x'.repeat(11 * 1024 * 1024)],
  [
    'one line of JSON',
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"mesh_send","arguments":{"to":"a","message":"${'x'.repeat(11 * 1024 * 1024)}"}}}\n`,
  ],
])('%s beyond ten megabytes ends the session cleanly', async (_what, text) => {
  const dir = dataDir()
  await using other = await RawClient.start({ dir })
  await other.tool('mesh_status', {})
  await using client = await RawClient.start({ dir })
  await client.tool('mesh_lock', { action: 'lock', filePath: '/tmp/long-line' })
  client.write(text)
  expect(await client.exited).toEqual({ code: 0, signal: null })
  const { result } = await other.tool('mesh_lock', { action: 'query' })
  expect(result?.structuredContent).toMatchObject({ locks: [] })
  await expectWorking(other)
})
