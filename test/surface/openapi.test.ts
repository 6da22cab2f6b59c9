import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { refusals, statusOf } from '../../src/peer/leader/failures.ts'
import { openapi } from '../../src/peer/leader/openapi.ts'
import { type Leading, leading } from '../support/leader.ts'
import { scaled } from '../support/scale.ts'
import { asJson, expectStored } from '../support/stored.ts'
import { restPage } from './rest-page.ts'

type Schema = Record<string, unknown>
interface Operation {
  requestBody?: { content: { 'application/json': { schema: Schema } } }
  responses: Record<string, { content: Record<string, { schema: Schema }> }>
  security?: unknown[]
}

const document = openapi()
const paths = document.paths as Record<string, Record<string, Operation>>
const routes = Object.entries(paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
)

const ajv = new Ajv2020({ strict: false, allErrors: true })
ajv.addSchema({ $id: 'doc', components: document.components })
const compiled = new Map<object, ReturnType<typeof ajv.compile>>()
function problems(schema: Schema, value: unknown): string | null {
  const check =
    compiled.get(schema) ?? ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"doc#/components')))
  compiled.set(schema, check)
  return check(value) ? null : ajv.errorsText(check.errors)
}

describe('the OpenAPI document', () => {
  test('is what openapi.json says', () => expectStored('openapi.json', asJson(document)))

  test('is what the page about REST says', () => {
    const statuses = { ...statusOf, ...Object.fromEntries(Object.entries(refusals).map(([code, { status }]) => [code, status])) }
    expectStored('docs/rest.md', restPage({ ...JSON.parse(JSON.stringify(document)), statuses }))
  })

  test('is valid OpenAPI 3.1, as a public validator finds', async () => {
    const result = await new Validator().validate(JSON.parse(JSON.stringify(document)))
    expect(result).toEqual({ valid: true })
  })

  test('is what the leader publishes', async () => {
    await using mesh = await leading()
    expect((await mesh.ask('/openapi.json')).body).toEqual(JSON.parse(JSON.stringify(document)))
  })

  test('has the twelve routes of the contract, and ours', () => {
    const found = routes.map(({ path, method }) => `${method.toUpperCase()} ${path}`)
    for (const route of [
      ...['GET /health', 'GET /status', 'POST /register', 'POST /unregister', 'POST /heartbeat', 'POST /peers', 'POST /summary'],
      ...['POST /send', 'POST /messages', 'POST /state', 'POST /lock', 'POST /events'],
      ...['GET /openapi.json', 'GET /events/stream', 'GET /metrics', 'POST /handover'],
    ])
      expect(found).toContain(route)
  })
})

/** Values that a client might well send for a field; a few of them are right for each. */
const fields: Record<string, fc.Arbitrary<unknown>> = {
  action: fc.constantFrom('get', 'set', 'list', 'delete', 'lock', 'unlock', 'query', 'read', 'subscribe', 'unsubscribe', 'emit'),
  peerId: fc.constantFrom('cli', 'dashboard', 'nobody', 'p_0000'),
  fromPeer: fc.constantFrom('cli', 'dashboard', 'nobody'),
  excludeId: fc.constantFrom('cli', 'nobody'),
  toPeer: fc.constantFrom('cli', 'all', 'nobody', ['cli', 'dashboard']),
  payload: fc.constantFrom('text', '{}', {}, { a: 1 }),
  type: fc.constantFrom('text', 'json', 'alert', 'shout'),
  priority: fc.constantFrom('normal', 'low', 'urgent'),
  key: fc.constantFrom('a', 'b', '', '__proto__'),
  value: fc.constantFrom('v', ''),
  namespace: fc.constantFrom('default', 'n'),
  ifVersion: fc.constantFrom(0, 1, -1),
  prefix: fc.constantFrom('', 'a'),
  filePath: fc.constantFrom('/tmp/a', '/tmp/b/c', 'relative', ['/tmp/x', '/tmp/y'], []),
  reason: fc.constantFrom('', 'because'),
  ttlMinutes: fc.constantFrom(1, 10, 0, 1441),
  types: fc.constantFrom(['*'], ['x_event'], ['peer_joined'], [], ['no spaces']),
  since: fc.constantFrom(0, '0', '2026-01-01T00:00:00Z', 'yesterday'),
  limit: fc.constantFrom(1, 20, 0, 1_000),
  filter: fc.constantFrom('unread', 'all', 'sent', 'some'),
  summary: fc.constantFrom('', 'busy'),
  scope: fc.constantFrom('mesh', 'machine', 'directory', 'repo', 'galaxy'),
  projectPath: fc.constantFrom('/tmp', 'relative'),
  gitRoot: fc.constantFrom('/tmp'),
  pid: fc.constantFrom(1, 0, 'x'),
  name: fc.constantFrom('auto', 'cli', 'a-script'),
}
const anything = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.jsonValue({ maxDepth: 2 }))

/** A body that is right, nearly right, or anything, for a route. */
function bodies(schema: Schema): fc.Arbitrary<Record<string, unknown>> {
  const members = (schema.anyOf as Schema[] | undefined) ?? [schema]
  return fc.constantFrom(...members).chain((member) => {
    const properties = (member.properties ?? {}) as Record<string, Schema>
    const required = new Set((member.required as string[] | undefined) ?? [])
    const entries = Object.entries(properties)
      // Nobody waits here.
      .filter(([key]) => key !== 'wait')
      .map(([key, property]) => {
        const good = 'const' in property ? fc.constant(property.const) : (fields[key] ?? anything)
        const value = fc.oneof({ weight: 30, arbitrary: good }, { weight: 1, arbitrary: anything })
        const none = { weight: required.has(key) ? 1 : 20, arbitrary: fc.constant(undefined) }
        return fc.oneof({ weight: 20, arbitrary: value }, none).map((chosen) => [key, chosen] as const)
      })
    const extra = fc.oneof(
      { weight: 20, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.tuple(fc.tuple(fc.string(), anything)) },
    )
    return fc
      .tuple(fc.tuple(...entries), extra)
      .map(([given, more]) =>
        Object.fromEntries([...given, ...more].filter(([key, value]) => value !== undefined && key !== 'wait')),
      )
  })
}

test('what is served matches it: every answer, to requests good and bad, has the shape that is published for its status', async () => {
  await using mesh = await leading({ SLM_MESH_RATE: '0' })
  const posts = routes.filter(({ method, path }) => method === 'post' && path !== '/handover')
  const statuses = new Map<number, number>()
  const served = fc
    .constantFrom(...posts)
    .chain((route) =>
      bodies(route.operation.requestBody?.content['application/json'].schema ?? {}).map((body) => ({ path: route.path, body })),
    )
  await fc.assert(
    fc.asyncProperty(served, async ({ path, body }) => {
      const operation = paths[path]?.post
      if (!operation) throw new Error(`${path} takes no POST`)
      const answer = await mesh.ask(path, body)
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
      const published = operation.responses[String(answer.status)]
      expect(published, `${path} answered ${answer.status}, which is not published`).toBeDefined()
      expect(problems(published?.content['application/json']?.schema ?? {}, answer.body)).toBeNull()
      // What the published body does not allow is refused, as bad input.
      const isAllowed = problems(operation.requestBody?.content['application/json'].schema ?? {}, body) === null
      if (!isAllowed) expect([path, body, answer.status]).toEqual([path, body, 400])
    }),
    { numRuns: scaled(200, 10_000) },
  )
  const counts = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status} ×${count}`)
  console.info(`openapi: answers by status: ${counts.join(', ')}`)
  expect(statuses.get(200) ?? 0).toBeGreaterThan(25)
  expect(statuses.get(400) ?? 0).toBeGreaterThan(20)
})

test('the answers of the GET routes have the published shape', async () => {
  await using mesh: Leading = await leading()
  for (const path of ['/health', '/status', '/openapi.json']) {
    const answer = await mesh.ask(path)
    expect(answer.status).toBe(200)
    expect(problems(paths[path]?.get?.responses['200']?.content['application/json']?.schema ?? {}, answer.body)).toBeNull()
  }
})
