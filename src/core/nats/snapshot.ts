import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { headers } from '@nats-io/transport-node'
import { fail } from '../errors.ts'
import * as z from '../schema.ts'
import { SUFFIXES } from '../sqlite/aside.ts'
import { Connection } from '../sqlite/connection.ts'
import type { Database } from '../sqlite/database.ts'
import { KNOWN_SCHEMA } from '../sqlite/migrate.ts'
import type { MeshConnection } from './connect.ts'
import { type Copy, Diverged, type Position, positionOf } from './copy.ts'
import type { Log } from './log.ts'

/**
 * The log does not grow for ever: now and then a copy is published, and what it holds is purged from the log. A copy that is
 * new, or that was away for too long, begins with it.
 *
 * A snapshot is the file (VACUUM INTO), without what is of one machine, compressed and cut into chunks; then a manifest, which
 * is what makes it one: it names its chunks, and how to tell that they are whole. The log is purged up to the snapshot
 * before the last: whoever reads the last manifest and is slow still finds what follows it.
 */

/** A snapshot is due after so many entries, or bytes of them: what a new copy has to run at most, about a second. */
const DUE_ENTRIES = 2_000
const DUE_BYTES = 4 * 1024 * 1024
const CHUNK_BYTES = 512 * 1024
const MAX_BYTES = 1024 * 1024 * 1024
const ASK_MS = 5_000

const Manifest = z.once(() =>
  z.object({
    v: z.literal(1),
    id: z.string(),
    /** The place in the log up to which it holds everything. */
    seq: z.int(),
    entry: z.nullable(z.string()),
    schema: z.int(),
    chunks: z.int(),
    bytes: z.int(),
    sha256: z.string(),
  }),
)
type Manifest = z.infer<ReturnType<typeof Manifest>>

const pack = promisify(gzip)
const unpack = promisify(gunzip)

export type Snapshots = ReturnType<typeof createSnapshots>

export function createSnapshots(database: Database, copy: Copy, connection: MeshConnection, log: Pick<Log, 'away'>) {
  const { nc, jsm, names, url } = connection
  const temporary = () => `${database.path}.snapshot-${process.pid}-${randomBytes(4).toString('hex')}`

  async function lastOn(subject: string): Promise<{ seq: number; data: Uint8Array } | undefined> {
    const query = JSON.stringify({ last_by_subj: subject })
    const answer = await nc.request(`$JS.API.STREAM.MSG.GET.${names.stream}`, query, { timeout: ASK_MS })
    const { message } = answer.json<{ message?: { seq: number; data?: string } }>()
    return message && { seq: message.seq, data: Buffer.from(message.data ?? '', 'base64') }
  }

  async function last(): Promise<{ at: number; manifest: Manifest } | undefined> {
    const found = await lastOn(names.snapshot)
    return found && { at: found.seq, manifest: Manifest().parse(JSON.parse(Buffer.from(found.data).toString())) }
  }

  async function publish(subject: string, data: Uint8Array, conditions: Record<string, string> = {}): Promise<boolean> {
    const head = headers()
    for (const [name, value] of Object.entries(conditions)) head.set(name, value)
    const answer = await nc.request(subject, data, { headers: head, timeout: ASK_MS })
    const { error } = answer.json<{ error?: { description: string } }>()
    if (error && conditions['Nats-Expected-Last-Subject-Sequence'] === undefined) throw log.away(error.description)
    return error === undefined
  }

  /** The file as others may have it. */
  async function picture(): Promise<{ data: Buffer; seq: number; entry: string | null }> {
    const path = temporary()
    try {
      database.read((sql) => sql.run('VACUUM INTO ?', path))
      const connection = new Connection(path)
      let at: { seq: number; entry: string | null }
      try {
        at = positionOf(connection)
        connection.script(`
          UPDATE leader SET term = 0, peer_id = NULL, peer_name = NULL, pid = NULL, process_start = NULL, boot_id = NULL,
            pid_namespace = NULL, socket_path = NULL, port = NULL, token_hash = NULL, elected_at = NULL;
          DELETE FROM browser_keys;
          DELETE FROM copy_sightings;
          DELETE FROM meta WHERE key <> 'min_writer';
          UPDATE peers SET heartbeat_at = 0, heartbeat_uptime = 0;
          UPDATE totals SET value = 0 WHERE name = 'elections';
          VACUUM;
        `)
      } finally {
        connection.close()
      }
      return { data: readFileSync(path), ...at }
    } finally {
      remove(path)
    }
  }

  /** Publishes this copy, unless somebody else is faster. True where it is the last one now. */
  async function make(): Promise<boolean> {
    const before = await last()
    const { data, seq, entry } = await picture()
    if (before && before.manifest.seq >= seq) return false
    const packed = await pack(data, { level: 6 })
    const id = randomBytes(8).toString('hex')
    const chunks = Math.ceil(packed.length / CHUNK_BYTES)
    for (let n = 0; n < chunks; n++)
      await publish(`${names.chunk}.${id}.${n}`, packed.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES))
    const manifest: Manifest = {
      ...{ v: 1, id, seq, entry, schema: KNOWN_SCHEMA, chunks, bytes: data.length },
      sha256: createHash('sha256').update(packed).digest('hex'),
    }
    const isLast = await publish(names.snapshot, Buffer.from(JSON.stringify(manifest)), {
      'Nats-Expected-Last-Subject-Sequence': String(before?.at ?? 0),
    })
    if (!isLast) await jsm.streams.purge(names.stream, { filter: `${names.chunk}.${id}.>` })
    else if (before) await purge(before)
    return isLast
  }

  /** What the snapshot before the last holds is no longer needed as entries, nor are the snapshots before it. */
  async function purge(before: { at: number; manifest: Manifest }): Promise<void> {
    await jsm.streams.purge(names.stream, { filter: names.log, seq: before.manifest.seq + 1 })
    await jsm.streams.purge(names.stream, { filter: names.snapshot, seq: before.at })
    // Chunks come before their manifest; those of the one before are the first that are kept.
    const first = await firstOf(`${names.chunk}.${before.manifest.id}.0`)
    if (first !== undefined) await jsm.streams.purge(names.stream, { filter: `${names.chunk}.>`, seq: first })
  }

  const firstOf = async (subject: string) => (await lastOn(subject))?.seq

  async function contentOf(manifest: Manifest): Promise<Buffer> {
    const parts: Buffer[] = []
    for (let n = 0; n < manifest.chunks; n++) {
      const chunk = await lastOn(`${names.chunk}.${manifest.id}.${n}`)
      if (!chunk) throw log.away(`chunk ${n} of the mesh's snapshot is missing`)
      parts.push(Buffer.from(chunk.data))
    }
    const packed = Buffer.concat(parts)
    if (createHash('sha256').update(packed).digest('hex') !== manifest.sha256)
      throw fail('storage', { path: url, detail: `the mesh's snapshot ${manifest.id} is damaged` })
    return unpack(packed, { maxOutputLength: MAX_BYTES })
  }

  return {
    make,

    /** Whether it is time for one. */
    async isDue(): Promise<boolean> {
      const before = await last()
      const { entries, bytes } = copy.since(before?.manifest.seq ?? 0)
      return entries > DUE_ENTRIES || bytes > DUE_BYTES
    },

    /**
     * Makes this copy what the last snapshot is; empty, where there is none. What follows, the log tells. Not where it is no
     * longer where it was `seen`: another process of this machine has been faster.
     */
    async restore(stream: string, seen: Position | undefined): Promise<void> {
      for (let tries = 1; ; tries++) {
        const found = await last()
        if (!found) return copy.empty(stream, seen)
        if (found.manifest.schema > KNOWN_SCHEMA)
          throw fail('schema_newer', { path: url, found: found.manifest.schema, known: KNOWN_SCHEMA })
        const path = temporary()
        try {
          writeFileSync(path, await contentOf(found.manifest), { mode: 0o600 })
          database.read((sql) => sql.run('ATTACH DATABASE ? AS snapshot', path))
          try {
            await copy.load(stream, seen)
          } finally {
            database.read((sql) => sql.run('DETACH DATABASE snapshot'))
          }
          return
        } catch (error) {
          // Another may have been published meanwhile, and this one's chunks purged.
          if (tries >= 3 || error instanceof Diverged) throw error
        } finally {
          remove(path)
        }
      }
    },
  }
}

function remove(path: string): void {
  for (const suffix of [...SUFFIXES, '-journal']) rmSync(path + suffix, { force: true })
}
