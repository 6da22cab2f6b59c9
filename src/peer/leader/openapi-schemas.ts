import { type OperationName, operations } from '../../core/operations.ts'
import * as z from '../../core/schema.ts'
import { placeFields } from './calls.ts'
import { actorField, defaultAction, renamed } from './wire.ts'

/** What a route takes and answers as JSON schemas, from the operations table. Pure. */

export type Schema = { [key: string]: unknown }

export const object = (properties: Schema, required = Object.keys(properties), more: Schema = {}): Schema => ({
  type: 'object',
  properties,
  ...(required.length > 0 && { required }),
  ...more,
})
export const OK = { ok: { const: true } }
const ACTOR = { type: 'string', description: 'who acts: `cli`, `dashboard`, or the id of a registered script', default: 'cli' }
const READER = {
  type: 'string',
  description: 'whose mailbox; of a session it is looked into without taking anything out',
  default: 'cli',
}
const LEFT_OUT = { type: 'string', description: 'the peer to leave out' }

export function schemaOf(schema: z.ZodMiniType, io: 'input' | 'output'): Schema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io })
  return rest
}

export const propertiesOf = (schema: Schema): Schema => (schema.properties ?? {}) as Schema // of an object schema
const requiredOf = (schema: Schema): string[] => (schema.required ?? []) as string[] // likewise

/** One operation's body, as the route takes it. */
export function bodySchema(path: string, name: OperationName, action: string | undefined): Schema {
  const input = schemaOf(operations[name].input, 'input')
  const names = new Map(Object.entries(renamed[name] ?? {}).map(([rest, own]) => [own, rest]))
  const rest = (own: string) => names.get(own) ?? own
  const place = placeFields[path]
  const actor = name === 'peer.list' ? LEFT_OUT : name === 'message.inbox' ? READER : ACTOR
  const properties = {
    ...(action !== undefined && { action: { const: action } }),
    ...Object.fromEntries(Object.entries(propertiesOf(input)).map(([key, schema]) => [rest(key), schema])),
    ...(place && propertiesOf(schemaOf(place, 'input'))),
    [actorField(path)]: actor,
  }
  const required = [...(action !== undefined && action !== defaultAction[path] ? ['action'] : []), ...requiredOf(input).map(rest)]
  return object(properties, required, { additionalProperties: false, description: operations[name].summary })
}

/** One operation's answer in REST's words; what `toWire` does to values, done to their schema. */
export function answerSchema(name: OperationName): Schema {
  const output = schemaOf(operations[name].output, 'output')
  const properties = propertiesOf(output)
  if (name === 'mesh.status')
    Object.assign(properties, {
      ...{ status: { const: 'ok' }, pid: { type: 'integer' }, port: { type: 'integer' } },
      ...{ locks: object({ active: { type: 'integer' } }), events: object({ total: { type: 'integer' } }) },
    })
  if (name === 'state.get' || name === 'state.delete') properties.entry = { anyOf: [properties.entry, { type: 'null' }] }
  const all = Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, reworded(value)]))
  const extra = name === 'mesh.status' ? ['status', 'pid', 'port'] : []
  return object({ ...OK, ...all }, ['ok', ...requiredOf(output).filter((key) => key !== 'ok'), ...extra])
}

const WHO = ['lockedBy', 'updatedBy', 'emittedBy']

/** `lockedBy: {id, name}` is `lockedBy` and `lockedByName` here; a message says its two ends a second time. */
function reworded(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return schema
  if (Array.isArray(schema)) return schema.map(reworded)
  const node = schema as Schema // an object
  const properties = node.properties as Schema | undefined // where it has any, they are schemas
  if (!properties) return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, reworded(value)]))
  const text = { type: node.properties && 'emittedBy' in properties ? ['string', 'null'] : 'string' }
  const said = Object.entries(properties).flatMap(([key, value]) =>
    WHO.includes(key)
      ? [
          [key, text],
          [`${key}Name`, text],
        ]
      : [[key, reworded(value)]],
  )
  const isMessage = 'from' in properties && 'payload' in properties
  const ends = isMessage ? { fromPeer: { type: 'string' }, toPeer: { type: 'string' }, delivered: { type: 'boolean' } } : {}
  const required = requiredOf(node).flatMap((key) => (WHO.includes(key) ? [key, `${key}Name`] : [key]))
  const { additionalProperties: _, ...rest } = node
  return { ...rest, properties: { ...Object.fromEntries(said), ...ends }, required: [...required, ...Object.keys(ends)] }
}
