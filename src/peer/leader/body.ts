import type { IncomingMessage } from 'node:http'
import { fail } from '../../core/errors.ts'
import { describeIssues } from '../../core/operations.ts'
import * as z from '../../core/schema.ts'
import { Refusal } from './failures.ts'

/** A request's body: one JSON object of at most 1 MiB, and marked as such, which no HTML form can do. */

const MAX_BODY_BYTES = 1024 * 1024

export async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const types = request.headersDistinct['content-type'] ?? []
  if (types.length !== 1 || !/^application\/json *(;|$)/i.test(types[0] ?? '')) throw new Refusal('media_type')
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw new Refusal('body_too_large')
  const value = parse(await readBytes(request))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Refusal('body')
  return value as Record<string, unknown> // a JSON object
}

function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      // What comes beyond is let go by: closing the connection at once would take the answer with it.
      if (bytes > MAX_BODY_BYTES) reject(new Refusal('body_too_large'))
      else chunks.push(chunk)
    })
    request.once('end', () => resolve(Buffer.concat(chunks)))
    request.once('close', () => reject(new Refusal('body')))
    request.once('error', () => reject(new Refusal('body')))
  })
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new Refusal('body')
  }
}

/** What was given, as the schema has it and with nothing beside. Throws `invalid`. */
export function parsed<S extends z.ZodMiniObject>(schema: S, operation: string, given: Record<string, unknown>): z.output<S> {
  const result = z.strict(schema).safeParse(given)
  if (!result.success) throw fail('invalid', { operation, issues: describeIssues(result.error) })
  return result.data as z.output<S> // the strict schema gives what the schema gives
}
