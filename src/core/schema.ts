import { catchall, config, never, type ZodMiniObject } from 'zod/mini'
import en from 'zod/v4/locales/en.js'

/**
 * zod in its small form, which takes a third of the time to load: every command that goes through the file itself does.
 * It says what is wrong in English only if told so.
 */
config(en())

export * from 'zod/mini'

/** Built when it is first asked for: a command needs the schemas of one operation, and all of them take it longer. */
export function once<T>(build: () => T): () => T {
  let built: T | undefined
  return () => (built ??= build())
}

const stricter = new WeakMap<ZodMiniObject, ZodMiniObject>()

/** The same, and nothing else beside it. Made once a schema: every call is checked by one. */
export function strict(schema: ZodMiniObject): ZodMiniObject {
  let made = stricter.get(schema)
  if (!made) stricter.set(schema, (made = catchall(schema, never())))
  return made
}
