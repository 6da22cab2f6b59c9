import Native from 'better-sqlite3'

/** Never collected, for the reason that src/core/sqlite/connection.ts gives. */
const kept = new Set<object>()

/** A connection to a mesh's file from outside the mesh, for tests that look into it or spoil it. */
export class Sqlite extends Native {
  constructor(path: string, options?: Native.Options) {
    super(path, options)
    kept.add(this)
  }

  override prepare: Native.Database['prepare'] = (text: string) => {
    const statement = super.prepare(text)
    kept.add(statement)
    return statement as never // the caller's own types of parameters and rows
  }

  override pragma(text: string, options?: Native.PragmaOptions): unknown {
    const statement = this.prepare<[], unknown>(`PRAGMA ${text}`)
    if (!statement.reader) return statement.run()
    return options?.simple ? statement.pluck().get() : statement.all()
  }
}
