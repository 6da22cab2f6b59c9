import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

/** Rules of the house that neither the compiler nor the linter can hold us to. */

const ROOT = fileURLToPath(new URL('..', import.meta.url))

interface Source {
  readonly path: string
  readonly text: string
}

const sources: Source[] = ['src', 'bin'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(ROOT, folder, name))
    .map((file) => ({ path: relative(ROOT, file).replaceAll('\\', '/'), text: readFileSync(file, 'utf8') })),
)

function walk({ path, text }: Source, visit: (node: ts.Node) => void): void {
  const each = (node: ts.Node): void => {
    visit(node)
    ts.forEachChild(node, each)
  }
  each(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
}

/** What a file imports, statically or when needed: paths from the root for our own, names for packages. */
function importsOf(source: Source): string[] {
  const found: string[] = []
  walk(source, (node) => {
    const from =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
          ? node.arguments[0]
          : undefined
    if (from && ts.isStringLiteralLike(from)) found.push(from.text)
  })
  return found.map((name) => (name.startsWith('.') ? join(source.path, '..', name).replaceAll('\\', '/') : name))
}

/** What a file imports or exports again for more than its types. */
function valuesFrom(source: Source): string[] {
  const types = new Set<string>()
  walk(source, (node) => {
    if (ts.isImportDeclaration(node) && node.importClause?.isTypeOnly) types.add(node.getText())
    if (ts.isExportDeclaration(node) && node.isTypeOnly) types.add(node.getText())
  })
  const text = [...types].reduce((rest, type) => rest.replace(type, ''), source.text)
  return importsOf({ ...source, text })
}

/** Names that a file uses as values of their own, not as the property of something. */
function globalsOf(source: Source): Set<string> {
  const found = new Set<string>()
  walk(source, (node) => {
    if (!ts.isIdentifier(node)) return
    const parent = node.parent
    if (ts.isPropertyAccessExpression(parent) && parent.name === node && parent.expression.getText() !== 'globalThis') return
    if (!ts.isTypeReferenceNode(parent) && !ts.isQualifiedName(parent)) found.add(node.text)
  })
  return found
}

const LAYERS = ['bin', 'mcp', 'cli', 'peer', 'core'] as const
type Layer = (typeof LAYERS)[number]
const MAY_IMPORT: Record<Layer, readonly Layer[]> = {
  bin: ['mcp', 'cli', 'peer', 'core'],
  mcp: ['mcp', 'peer', 'core'],
  cli: ['cli', 'peer', 'core'],
  peer: ['peer', 'core'],
  core: ['core'],
}
const layerOf = (path: string) => LAYERS.find((layer) => path.startsWith(`${layer}/`) || path.startsWith(`src/${layer}/`))

/** Packages and modules of Node that tie a file to one way in or out. */
const OUTSIDE =
  /^(node:)?(net|tls|dgram|http2?|https|dns|readline|tty|repl|cluster|worker_threads)(\/|$)|^@modelcontextprotocol\/|^commander$/
/** The files that may hold the database's own. */
const DATABASE = new Set(
  ['database', 'connection', 'open-database', 'moving', 'leaving', 'aside', 'quarantine'].map(
    (name) => `src/core/sqlite/${name}.ts`,
  ),
)
const TIMERS = ['setTimeout', 'setInterval']
/** What runs in a browser: it has a life of its own there. */
const isPage = (path: string) => path.startsWith('src/peer/leader/dashboard/page/')

const rules: Record<string, (source: Source) => string[]> = {
  'imports run one way: bin → mcp | cli → peer → core': (source) => {
    const layer = layerOf(source.path)
    return importsOf(source).filter((path) => {
      const other = layerOf(path)
      return layer && other ? !MAY_IMPORT[layer].includes(other) : false
    })
  },
  'src/core knows no socket, HTTP, MCP or terminal': (source) =>
    layerOf(source.path) !== 'core'
      ? []
      : [
          ...importsOf(source).filter((name) => OUTSIDE.test(name)),
          ...['console', 'fetch', 'WebSocket'].filter((name) => globalsOf(source).has(name)),
          ...(source.text.match(/\bprocess\.(stdin|stdout|stderr|argv|exit|on)\b/g) ?? []),
        ],
  'src/peer knows no MCP and no terminal': (source) =>
    layerOf(source.path) === 'peer' ? importsOf(source).filter((name) => /^@model|^commander$|readline|tty/.test(name)) : [],
  'only src/core/scope.ts sets timers, and only src/core/sqlite/database.ts waits for the next tick': (source) =>
    isPage(source.path)
      ? []
      : [
          ...(source.path === 'src/core/scope.ts' ? [] : TIMERS.filter((name) => globalsOf(source).has(name))),
          ...(source.path === 'src/core/sqlite/database.ts'
            ? []
            : ['setImmediate'].filter((name) => globalsOf(source).has(name))),
          ...importsOf(source).filter((name) => /^(node:)?timers(\/|$)/.test(name)),
          ...(source.text.match(/\bAbortSignal\.timeout\b/g) ?? []),
        ],
  'the page knows a browser, and of the mesh its types and how text of others is shown': (source) =>
    !isPage(source.path)
      ? []
      : [
          ...importsOf(source).filter((name) => name.startsWith('node:')),
          ...['process', 'Buffer', 'require', '__dirname', 'global'].filter((name) => globalsOf(source).has(name)),
          ...valuesFrom(source).filter((path) => !isPage(path) && !/^preact(\/|$)|^src\/core\/(visible|words)\.ts$/.test(path)),
          // Texts of others are written as text.
          ...(source.text.match(/\b(dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|document\.write)\b/g) ?? []),
        ],
  'only bin reads the environment': (source) =>
    layerOf(source.path) === 'bin'
      ? []
      : (source.text.match(/\bprocess(\.|\?\.|\[['"])env\b|\{[^}]*\benv\b[^}]*\} = process\b/g) ?? []),
  'only src/core/sqlite opens the database': (source) => {
    if (DATABASE.has(source.path)) return []
    const found = importsOf(source).filter((name) => /^(better-sqlite3|node:sqlite)$/.test(name))
    if (source.path !== 'src/core/paths.ts')
      walk(source, (node) => {
        if (ts.isStringLiteralLike(node) && /mesh\.db|-wal$|-shm$/.test(node.text)) found.push(node.getText())
      })
    // Looking is safe; a descriptor that is closed again drops SQLite's locks.
    walk(source, (node) => {
      if (!ts.isCallExpression(node)) return
      const touches = node.arguments.some((given) => /\bdatabase\b|mesh\.db|-wal|-shm/.test(given.getText()))
      const name = node.expression.getText()
      if (
        touches &&
        /^(fs\.)?(open|read|write|append|copy|cp|truncate|createRead|createWrite)\w*$/i.test(name) &&
        !['openStore', 'openEngine'].includes(name)
      )
        found.push(node.getText())
    })
    return found
  },
  'every transaction begins IMMEDIATE': (source) => {
    const found: string[] = []
    walk(source, (node) => {
      const isText = ts.isStringLiteralLike(node) || ts.isTemplateHead(node)
      if (isText && /^\s*BEGIN(?!\s+IMMEDIATE\b)/i.test(node.text)) found.push(node.getText())
      if (ts.isCallExpression(node) && node.expression.getText().endsWith('.transaction') && after(node) !== '.immediate')
        found.push(node.getText())
    })
    return found
  },
}

/** What follows a call in its expression. */
const after = (node: ts.Node) => node.parent.getText().slice(node.getText().length)

describe('the source as it stands', () => {
  test('is found', () => expect(sources.length).toBeGreaterThan(40))

  test.each(Object.entries(rules))('%s', (_, broken) => {
    const found = sources.flatMap((source) => broken(source).map((what) => `${source.path}: ${what}`))
    expect(found).toEqual([])
  })
})

describe('a file that breaks a rule is found', () => {
  const bad: [rule: string, path: string, text: string][] = [
    ['imports run', 'src/core/x.ts', `import { placeOf } from '../peer/project.ts'`],
    ['imports run', 'src/mcp/x.ts', `const x = await import('../cli/main.ts')`],
    ['imports run', 'src/peer/leader/x.ts', `export { serve } from '../../mcp/main.ts'`],
    ['src/core knows', 'src/core/x.ts', `import { createServer } from 'node:net'`],
    ['src/core knows', 'src/core/x.ts', `console.log(1)`],
    ['src/core knows', 'src/core/x.ts', `process.stdout.write('')`],
    ['src/peer knows', 'src/peer/x.ts', `import { Server } from '@modelcontextprotocol/sdk/server/index.js'`],
    ['only src/core/scope', 'src/mcp/x.ts', 'setInterval(() => {}, 1)'],
    ['only src/core/scope', 'src/mcp/x.ts', 'globalThis.setTimeout(() => {}, 1)'],
    ['only src/core/scope', 'src/core/x.ts', 'setImmediate(() => {})'],
    ['only src/core/scope', 'src/core/x.ts', `import { setTimeout as sleep } from 'node:timers/promises'`],
    ['the page knows', 'src/peer/leader/dashboard/page/x.ts', `import { layoutOf } from '../../../../core/paths.ts'`],
    ['the page knows', 'src/peer/leader/dashboard/page/x.tsx', `import { readFile } from 'node:fs'`],
    ['the page knows', 'src/peer/leader/dashboard/page/x.ts', 'Buffer.from(text)'],
    ['the page knows', 'src/peer/leader/dashboard/page/x.tsx', 'const x = <p dangerouslySetInnerHTML={{ __html: text }} />'],
    ['only bin', 'src/core/x.ts', 'const home = process.env.HOME'],
    ['only bin', 'src/core/x.ts', 'const { env } = process'],
    ['only src/core/sqlite', 'src/mcp/x.ts', `import Native from 'better-sqlite3'`],
    ['only src/core/sqlite', 'src/peer/x.ts', 'readFileSync(layout.database)'],
    ['only src/core/sqlite', 'src/core/paths.ts', `copyFileSync(join(dir, 'mesh.db-wal'), to)`],
    ['only src/core/sqlite', 'src/cli/x.ts', `const path = join(dir, 'mesh.db')`],
    ['every transaction', 'src/core/x.ts', `sql.run('BEGIN')`],
    ['every transaction', 'src/core/x.ts', 'sql.run(`begin deferred`)'],
    ['every transaction', 'src/core/x.ts', 'native.transaction(() => {})()'],
  ]
  test.each(bad)('%s: %s: %s', (name, path, text) => {
    const rule = Object.entries(rules).find(([sentence]) => sentence.startsWith(name))?.[1]
    expect(rule?.({ path, text })).not.toEqual([])
  })
})
