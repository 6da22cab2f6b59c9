import { describe, expect, test } from 'vitest'
import { operations } from '../../src/core/operations.ts'
import { toolDefinitions, toolPlaces } from '../../src/mcp/tools.ts'
import { asJson, expectStored } from '../support/stored.ts'

/** What a client sends to its model with every request; it is the user's money. */
const MAX_BYTES = 4_400

/** The contract: names that programs and prompts out there already use. An answer may carry a notice beside them. */
const CONTRACT: Record<string, { input: string; output: string; required?: string; actions?: string }> = {
  mesh_peers: { input: 'scope', output: 'peers self' },
  mesh_summary: { input: 'summary', output: 'ok', required: 'summary' },
  mesh_send: {
    input: 'to message type priority replyTo',
    output: 'messageId messageIds recipients',
    required: 'to message',
  },
  mesh_inbox: { input: 'filter from thread limit wait', output: 'messages more note' },
  mesh_state: {
    input: 'action key value namespace ifVersion prefix',
    output: 'entry entries more',
    required: 'action',
    actions: 'get set list delete',
  },
  mesh_lock: {
    input: 'action filePath reason ttlMinutes wait',
    output: 'lock locks warnings',
    required: 'action',
    actions: 'lock unlock query',
  },
  mesh_events: {
    input: 'action types since limit wait payload',
    output: 'events more cursor subscribed seq',
    required: 'action',
    actions: 'read subscribe unsubscribe emit',
  },
  mesh_status: { input: '', output: 'self leader peers messages locks events db version uptime' },
}

/** Fields of what an answer holds, below its first level. */
const ENTRIES: Record<string, string> = {
  'mesh_peers.peers': 'id name agentType host projectPath gitRoot gitBranch summary startedAt lastHeartbeat status reach pid',
  'mesh_send.recipients': 'messageId name state away',
  'mesh_inbox.messages': 'id from to type priority payload createdAt deliveredAt readAt state replyTo thread',
  'mesh_state.entry': 'key namespace value version updatedBy updatedAt',
  'mesh_lock.lock': 'filePath lockedBy host lockedAt expiresAt reason token',
  'mesh_events.events': 'id seq type payload emittedBy createdAt',
  'mesh_status.leader': 'id name agentType pid term port since',
  'mesh_status.messages': 'total unread undelivered',
  'mesh_status.db': 'sizeBytes walSizeBytes',
}

const words = (text: string) => text.split(' ').filter(Boolean).sort()
const tools = toolDefinitions()
const tool = (name: string) => {
  const found = tools.find((definition) => definition.name === name)
  if (!found) throw new Error(`there is no ${name}`)
  return found
}
type Schema = { properties?: Record<string, Schema>; items?: Schema; anyOf?: Schema[]; enum?: string[]; required?: string[] }
const fields = (schema: unknown) => (schema as Schema).properties ?? {}

describe('the published tools', () => {
  test('are what the server answers with', () => expectStored('src/mcp/tools.json', asJson(tools)))

  test(`cost a model less than ${MAX_BYTES} bytes together`, () => {
    const sent = tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }))
    const bytes = Buffer.byteLength(JSON.stringify(sent))
    console.info(`surface: ${tools.length} tools, ${bytes} of ${MAX_BYTES} bytes`)
    expect(bytes).toBeLessThan(MAX_BYTES)
  })

  test('are the eight of the contract, in its order', () => expect(tools.map(({ name }) => name)).toEqual(Object.keys(CONTRACT)))

  test.each(Object.entries(CONTRACT))('%s takes and answers the fields of the contract', (name, contract) => {
    const { inputSchema, outputSchema } = tool(name)
    expect(Object.keys(fields(inputSchema)).sort()).toEqual(words(contract.input))
    expect([...(inputSchema.required ?? [])].sort()).toEqual(words(contract.required ?? ''))
    expect(Object.keys(fields(outputSchema)).sort()).toEqual(words(`${contract.output} notice`))
    expect((fields(inputSchema).action?.enum ?? []).sort()).toEqual(words(contract.actions ?? ''))
  })

  test.each(Object.entries(ENTRIES))('%s holds the fields of the contract', (path, expected) => {
    const [name = '', field = ''] = path.split('.')
    const found = fields(tool(name).outputSchema)[field]
    const entry = found?.items ?? found?.anyOf?.find((option) => option.properties) ?? found
    expect(Object.keys(entry?.properties ?? {}).sort()).toEqual(words(expected))
  })

  test.each(tools)('$name has a flat schema, a title, annotations and an output schema', (definition) => {
    for (const schema of [definition.inputSchema, definition.outputSchema]) {
      expect(schema?.type).toBe('object')
      for (const combinator of ['oneOf', 'anyOf', 'allOf', 'not', '$ref', '$defs']) expect(schema).not.toHaveProperty(combinator)
    }
    expect(definition.title).toMatch(/\w/)
    expect(definition.description).toMatch(/\w/)
    expect(Object.keys(definition.annotations ?? {}).sort()).toEqual(
      words('title readOnlyHint destructiveHint idempotentHint openWorldHint'),
    )
  })

  test('say that they only read exactly where every operation behind them only reads', () => {
    const readers = tools.filter(({ annotations }) => annotations?.readOnlyHint).map(({ name }) => name)
    const effects = new Map<string, string[]>()
    for (const [operation, place] of Object.entries(toolPlaces)) {
      if (!place) continue
      const { effect } = operations[operation as keyof typeof operations]
      effects.set(place[0], [...(effects.get(place[0]) ?? []), effect])
    }
    const reading = [...effects].filter(([, all]) => all.every((effect) => effect === 'read')).map(([name]) => name)
    expect(readers).toEqual(reading)
  })
})
