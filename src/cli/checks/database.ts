import { accessSync, constants, statSync } from 'node:fs'
import { walOf } from '../../core/paths.ts'
import { Connection } from '../../core/sqlite/connection.ts'
import { KNOWN_SCHEMA } from '../../core/sqlite/migrate.ts'
import { translate } from '../../core/sqlite/sqlite-errors.ts'
import { bytes } from '../sizes.ts'
import { bad, type Check, type Found, NO_MESH, ok, unknown, warn } from './check.ts'

const MIB = 1024 * 1024
/** What is read through in well under a second; a larger file is looked at less closely, or not at all. */
const MAX_FULL_CHECK_BYTES = 32 * MIB
const MAX_QUICK_CHECK_BYTES = 256 * MIB
/** A WAL that is read through at every look; it grows like this where a reader does not let go. */
const MAX_WAL_BYTES = 32 * MIB

/** Is the file whole, of a schema that we know, and of a sane size? */
export const database: Check = ({ layout, has }) => {
  if (!has.database) return ok(NO_MESH)
  const path = layout.database
  try {
    // Without the right to write, SQLite would leave an index beside it that nobody may write.
    accessSync(path, constants.R_OK | constants.W_OK)
  } catch {
    return unknown(`${path} cannot be written, so it was not opened`, `chmod 600 '${path}'`)
  }
  const sizeBytes = sizeOf(path)
  if (sizeBytes === 0) return ok('empty: the next session fills it')
  try {
    const connection = new Connection(path)
    try {
      return look(connection, sizeBytes, sizeOf(walOf(path)))
    } finally {
      connection.close()
    }
  } catch (error) {
    const translated = translate(error, path)
    const message = translated instanceof Error ? translated.message : String(translated)
    return bad(message, ASIDE)
  }
}

const ASIDE =
  'the first session or command that meets this moves it aside, and goes on in a new one with what can be read of it: look after the disk'

function look(connection: Connection, sizeBytes: number, walBytes: number): Found {
  const sizes = `${bytes(sizeBytes)}, WAL ${bytes(walBytes)}`
  const { text, isWhole } = integrityOf(connection, sizeBytes)
  if (!isWhole) return bad(`damaged: ${text}`, ASIDE)
  const mode = connection.get<{ journal_mode: string }>('PRAGMA journal_mode')?.journal_mode
  if (mode !== 'wal')
    return bad(`its journal mode is ${mode}, not wal`, 'end all sessions and start again: the first one sets it')
  const schema = schemaOf(connection)
  if (schema.status !== 'ok') return schema
  if (walBytes > MAX_WAL_BYTES)
    return warn(
      `the WAL has grown to ${bytes(walBytes)}: a reader does not let go of it`,
      'end the session that hangs, see below; the leader shrinks it within a minute',
    )
  return ok(`${text}, ${schema.found}, ${sizes}`)
}

function integrityOf(connection: Connection, sizeBytes: number): { text: string; isWhole: boolean } {
  if (sizeBytes > MAX_QUICK_CHECK_BYTES) return { text: 'too large to be read through', isWhole: true }
  const isFull = sizeBytes <= MAX_FULL_CHECK_BYTES
  const rows = connection.all<Record<string, string>>(isFull ? 'PRAGMA integrity_check(3)' : 'PRAGMA quick_check(3)')
  const said = rows.map((row) => Object.values(row)[0] ?? '')
  return said[0] === 'ok'
    ? { text: isFull ? 'whole' : 'whole by a quick check', isWhole: true }
    : { text: said.join('; '), isWhole: false }
}

function schemaOf(connection: Connection): Found {
  const schema = connection.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0
  if (schema < KNOWN_SCHEMA) return ok(`schema ${schema}, which the next session brings to ${KNOWN_SCHEMA}`)
  if (schema === KNOWN_SCHEMA) return ok(`schema ${schema}`)
  const oldest = connection.get<{ value: string }>(`SELECT value FROM meta WHERE key = 'min_writer'`)?.value
  const found = `schema ${schema}, made by a newer slm-mesh; this one knows schemas up to ${KNOWN_SCHEMA}`
  return Number(oldest ?? schema) > KNOWN_SCHEMA
    ? bad(`${found} and may not write to it`, 'use the newer slm-mesh, and start older sessions again with it')
    : ok(`${found} and can use it`)
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0
