import { doors } from '../../core/doors.ts'
import { operations } from '../../core/operations.ts'
import * as z from '../../core/schema.ts'
import { VERSION } from '../../core/version.ts'
import { OUTAGE_HEADER } from './client.ts'
import { MessagesQuery, ProofQuery } from './dashboard/places.ts'
import { type RefusalCode, refusals, statusOf } from './failures.ts'
import { answerSchema, bodySchema, OK, object, propertiesOf, type Schema, schemaOf } from './openapi-schemas.ts'
import { Named, Register } from './scripts.ts'
import { places } from './wire.ts'

/** The routes as OpenAPI 3.1: what is published cannot differ from what is served. */

const json = (schema: Schema) => ({ 'application/json': { schema } })
const WHOSE_STATUS = { name: 'peerId', in: 'query', schema: { type: 'string', default: 'cli' }, description: 'who `self` is' }

const refusal = (code: RefusalCode) => ({
  description: refusals[code].error,
  content: json({ $ref: '#/components/schemas/Error' }),
})
const error = { description: 'what went wrong, as `code` says', content: json({ $ref: '#/components/schemas/Error' }) }
const FAILURES = Object.fromEntries(
  [...new Set([...Object.values(statusOf), ...Object.values(refusals).map((r) => r.status)])].map((s) => [String(s), error]),
)

/** What each answer may say beside its body. */
const HEADERS = { [OUTAGE_HEADER]: { $ref: '#/components/headers/Outage' } }

function answers(schema: Schema, description: string, status = 200) {
  return { [status]: { description, headers: HEADERS, content: json(schema) }, ...FAILURES, 401: refusal('token') }
}

const post = (operationId: string, summary: string, body: Schema, responses: Schema) => ({
  post: { operationId, summary, requestBody: { required: true, content: json(body) }, responses },
})

const parametersOf = (query: Parameters<typeof schemaOf>[0]) => {
  const { required = [] } = schemaOf(query, 'input') as { required?: string[] } // of an object
  return Object.entries(propertiesOf(schemaOf(query, 'input'))).map(([name, schema]) => {
    const { description = '', ...rest } = schema as Schema // of an object's property
    return { name, in: 'query', ...(required.includes(name) && { required: true }), schema: rest, description }
  })
}

/** The document. The same for every leader of one version. */
export function openapi() {
  const paths: Schema = {
    '/health': {
      get: {
        operationId: 'health',
        summary: 'Whether a leader serves here; open to all.',
        security: [],
        parameters: [
          {
            name: 'Slm-Mesh-Challenge',
            in: 'header',
            schema: { type: 'string', maxLength: 256 },
            description: 'any text; the answer then holds HMAC-SHA256(token, "<text> <port> <term> <pid>") in hex as `proof`',
          },
        ],
        responses: {
          200: {
            description: 'it does',
            content: json(
              object(
                {
                  ...OK,
                  status: { const: 'ok' },
                  version: { type: 'string' },
                  uptime: { type: 'integer', description: 'seconds in this term' },
                  term: { type: 'integer' },
                  pid: { type: 'integer' },
                  proof: { type: 'string' },
                },
                ['ok', 'status', 'version', 'uptime', 'term', 'pid'],
              ),
            ),
          },
          ...FAILURES,
        },
      },
    },
  }
  for (const door of doors(places)) {
    const bodies = door.members.map(({ operation, action }) => bodySchema(door.name, operation, action))
    const outputs = door.members.map(({ operation }) => answerSchema(operation))
    const schema = (all: Schema[]): Schema => (all.length === 1 && all[0] ? all[0] : { anyOf: all })
    const summary = door.members.map(({ operation }) => operations[operation].summary).join(' ')
    const id = door.name.slice(1)
    const responses = answers(schema(outputs), 'done')
    paths[door.name] =
      door.name === '/status'
        ? { get: { operationId: id, summary, parameters: [WHOSE_STATUS], responses } }
        : post(id, summary, schema(bodies), responses)
  }
  const named = schemaOf(z.strict(Named), 'input')
  Object.assign(paths, {
    '/register': post(
      'register',
      'Joins as a script, which lives by heartbeats; any call under its id is one.',
      schemaOf(z.strict(Register), 'input'),
      answers(object({ ...OK, peerId: { type: 'string' }, name: { type: 'string' } }), 'registered'),
    ),
    '/unregister': post('unregister', 'Leaves; its locks are free.', named, answers(object(OK), 'done')),
    '/heartbeat': post('heartbeat', 'Says that a script is still there.', named, answers(object(OK), 'done')),
    '/handover': post(
      'handover',
      'Asks the leader to hand the leadership on.',
      { type: 'object', additionalProperties: false },
      answers(object({ ...OK, term: { type: 'integer' } }), 'the term that ends now', 202),
    ),
    '/openapi.json': {
      get: { operationId: 'openapi', summary: 'This document.', responses: answers({ type: 'object' }, 'OpenAPI 3.1') },
    },
    '/metrics': {
      get: {
        operationId: 'metrics',
        summary: 'Figures in the text format of Prometheus.',
        responses: { 200: { description: 'figures', content: { 'text/plain': { schema: { type: 'string' } } } }, ...FAILURES },
      },
    },
    '/dashboard/proof': {
      get: {
        operationId: 'proof',
        summary: 'Shows a page that this is the leader before it tells its key; open to all.',
        security: [],
        parameters: parametersOf(ProofQuery()),
        responses: answers(
          object({
            ...OK,
            term: { type: 'integer' },
            pid: { type: 'integer' },
            proof: {
              type: 'string',
              description: 'HMAC-SHA256(the SHA-256 of the key in hex, "<challenge> <port> <term> <pid>") in hex',
            },
          }),
          'shown',
        ),
      },
    },
    '/dashboard/overview': {
      get: {
        operationId: 'overview',
        summary: 'The mesh as it stands, for a person who oversees it: peers, locks and who waits for them, counts, the leader.',
        responses: answers({ type: 'object' }, 'as `Overview` in src/peer/leader/dashboard/contract.ts'),
      },
    },
    '/dashboard/messages': {
      get: {
        operationId: 'allMessages',
        summary: "Everybody's mail, a page at a time: the newest first, or after a seq the oldest.",
        parameters: parametersOf(MessagesQuery()),
        responses: answers(
          object({
            ...OK,
            messages: { type: 'array', items: { type: 'object' } },
            more: { type: 'boolean' },
            next: { type: ['integer', 'null'], description: 'where to go on, as `before` or `after`' },
          }),
          'found',
        ),
      },
    },
    '/events/stream': {
      get: {
        operationId: 'eventStream',
        summary:
          'Events as they happen, as Server-Sent Events: `id` is the seq, `data` the event. `event: reset` says that the log now begins at `oldest`.',
        parameters: [
          { name: 'types', in: 'query', schema: { type: 'string' }, description: 'separated by commas; none: all' },
          { name: 'since', in: 'query', schema: { type: 'string', pattern: '^\\d{1,15}$' }, description: 'after this seq' },
          {
            name: 'Last-Event-ID',
            in: 'header',
            schema: { type: 'string', pattern: '^\\d{1,15}$' },
            description: 'goes before `since`',
          },
        ],
        responses: {
          200: { description: 'a stream', content: { 'text/event-stream': { schema: { type: 'string' } } } },
          ...FAILURES,
        },
      },
    },
  })
  return {
    openapi: '3.1.0',
    info: {
      title: 'SLM Mesh',
      version: VERSION,
      summary: 'The mesh of AI coding sessions on this machine, through its elected leader.',
      description:
        'Served on loopback by whichever session leads. The bearer token stands in `leader.token` in the data directory and is new each term; the port is in `port` beside it.',
      license: { name: 'Elastic-2.0', identifier: 'Elastic-2.0' },
    },
    servers: [{ url: 'http://127.0.0.1:7899' }],
    security: [{ bearer: [] }],
    paths,
    components: {
      headers: {
        Outage: {
          description:
            'a mesh of several machines whose server cannot be reached: why, in a sentence, URI-encoded; what is told is old',
          schema: { type: 'string' },
        },
      },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Error: object(
          {
            ok: { const: false },
            error: { type: 'string', description: 'a sentence' },
            code: { type: 'string', enum: [...new Set([...Object.keys(statusOf), ...Object.keys(refusals)])] },
            facts: { type: 'object', description: 'what the sentence was made of' },
          },
          ['ok', 'error', 'code'],
        ),
      },
    },
  }
}
