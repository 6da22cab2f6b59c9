import { LATEST_PROTOCOL_VERSION, SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js'
import { expect, test } from 'vitest'
import { INSTRUCTIONS } from '../../src/mcp/main.ts'
import { toolDefinitions, toolPlaces } from '../../src/mcp/tools.ts'
import { startMesh } from '../support/agent.ts'
import { serveHere } from '../support/serve-here.ts'
import { RawClient } from './raw-client.ts'

test('instructions have fewer than 150 words and reach the client', async () => {
  expect(INSTRUCTIONS.split(/\s+/).length).toBeLessThan(150)
  await using client = RawClient.start()
  expect((await client.initialize()).result).toMatchObject({ instructions: INSTRUCTIONS })
})

test('whatever protocol a client asks for, it gets one that both know, of 2025-11-25 at the latest', async () => {
  const got = async (asked: string) => [asked, (await serveHere().greets(asked)).protocolVersion]
  const known = SUPPORTED_PROTOCOL_VERSIONS.map((version) => [version, version])
  expect(await Promise.all(SUPPORTED_PROTOCOL_VERSIONS.map(got))).toEqual(known)
  const unknown = ['2026-07-28', '2999-01-01', '1.0', '']
  expect(await Promise.all(unknown.map(got))).toEqual(unknown.map((version) => [version, LATEST_PROTOCOL_VERSION]))
  expect([...SUPPORTED_PROTOCOL_VERSIONS].sort().at(-1)).toBe('2025-11-25')
})

test('every answer of every tool and action fits its output schema, which the client checks', async () => {
  await using mesh = await startMesh(2)
  const [a, b] = mesh.agents
  if (!a || !b) throw new Error('two agents are needed')
  for (const { client } of [a, b]) await client.listTools() // from now on answers are checked
  const file = `${mesh.dir}/x`
  const calls: [tool: string, args: Record<string, unknown>][] = [
    ['mesh_peers', {}],
    ['mesh_peers', { scope: 'repo' }],
    ['mesh_summary', { summary: 'testing' }],
    ['mesh_send', { to: await b.name(), message: 'one' }],
    ['mesh_send', { to: 'all', message: 'all', priority: 'urgent' }],
    ['mesh_inbox', { filter: 'sent' }],
    ['mesh_inbox', {}],
    ['mesh_state', { action: 'set', key: 'k', value: 'v' }],
    ['mesh_state', { action: 'get', key: 'k' }],
    ['mesh_state', { action: 'list' }],
    ['mesh_state', { action: 'delete', key: 'k' }],
    ['mesh_lock', { action: 'lock', filePath: file }],
    ['mesh_lock', { action: 'lock', filePath: [file, `${file}2`] }],
    ['mesh_lock', { action: 'query' }],
    ['mesh_lock', { action: 'unlock', filePath: file }],
    ['mesh_lock', { action: 'unlock', filePath: [`${file}2`] }],
    ['mesh_events', { action: 'subscribe', types: ['*'] }],
    ['mesh_events', { action: 'emit', types: ['x_custom'], payload: { deep: { list: [1, null] } } }],
    ['mesh_events', { action: 'read' }],
    ['mesh_events', { action: 'read', since: 0 }],
    ['mesh_events', { action: 'unsubscribe' }],
    ['mesh_status', {}],
  ]
  const open = new Set(Object.values(toolPlaces).map((place) => place?.join(' ')))
  for (const [name, args] of calls) {
    await b.call('message.send', { to: await a.name(), message: 'so that there is a notice' })
    const result = await a.tool(name, args) // throws where it does not fit
    expect([name, args, result.isError ?? false, result.content]).toEqual([name, args, false, expect.any(Array)])
    const known = Object.keys(toolDefinitions().find((tool) => tool.name === name)?.outputSchema?.properties ?? {})
    expect(Object.keys(result.structuredContent ?? {}).filter((field) => !known.includes(field))).toEqual([])
    open.delete(args.action === undefined ? name : `${name} ${args.action}`)
  }
  expect([...open]).toEqual([]) // nothing was left out
  // An error need not fit, and says what happened.
  expect(await a.tool('mesh_state', { action: 'get', key: 'nothing' })).toMatchObject({
    isError: true,
    _meta: { 'slm-mesh/error': { code: 'not_found' } },
  })
})

test('null in an optional field counts as absent', async () => {
  await using mesh = await startMesh(1)
  const result = await mesh.agents[0]?.tool('mesh_inbox', { from: null, thread: null, wait: null, filter: null, limit: null })
  expect(result).toMatchObject({ structuredContent: { messages: [] } })
})

test('standard output carries lines of JSON-RPC and nothing else, whatever comes in', async () => {
  await using client = RawClient.start({ SLM_MESH_LOG: 'debug' })
  await client.initialize()
  client.send('not JSON', '{"jsonrpc":"2.0"}', '[]', 'null', '{"jsonrpc":"1.0","id":1,"method":"ping"}', '')
  client.send('{"jsonrpc":"2.0","method":"notifications/nothing"}', '{"jsonrpc":"2.0","id":9,"method":"nothing"}')
  expect(await client.ask('tools/call', { name: 'mesh_nothing' })).toMatchObject({ error: { code: -32602 } })
  expect(await client.ask('tools/call', { name: 'mesh_state', arguments: { action: 'fly' } })).toMatchObject({
    result: { isError: true },
  })
  expect(await client.ask('tools/call', { name: 'mesh_status' })).toMatchObject({ result: { structuredContent: {} } })
  await client.ask('ping')
  await client.end()
  expect(client.out.endsWith('\n')).toBe(true)
  const lines = client.out.slice(0, -1).split('\n')
  expect(lines.length).toBeGreaterThan(6)
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' })
})
