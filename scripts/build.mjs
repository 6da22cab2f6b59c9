// Bundles the program and the library into dist/, as CommonJS: Node's loader of ES modules takes 25 ms by itself.
// How it is cut, and why, stands in ARCHITECTURE.md; bench/cli-start.mjs measures it.
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'

/** What is loaded together, with everything that it imports. The first that fits has it; the rest is cut where it is shared. */
const together = [
  ['zod', /\/zod\/.*(?<!json-schema.*)\?own$|core\/schema\.ts/],
  // For text that is not plain: its pattern of all emoji takes long to read.
  ['width', /\/string-width\//],
  ['sqlite', /src\/core\/sqlite\/(connection|sqlite-errors)\.ts|[\\/]better-sqlite3[\\/]/],
  // Read by whoever makes a file or brings one up to date.
  ['migrations', /core\/sqlite\/migrations\//],
  // What every process needs, whether it serves an agent or a shell.
  [
    'base',
    /src\/(cli\/output|core\/(config|paths|scope|visible|version|leadership)|peer\/(process-identity|leader\/client))\.ts/,
  ],
  ['cli', /src\/cli\/(main|process|connect|commands\/(peers|state|version|send|broadcast))\.ts/],
  ['hook', /src\/(cli\/hooks\/direct|peer\/(session-peer|hook-door))\.ts/],
  ['mesh', /src\/cli\/through-file\.ts/],
  // Only who has SLM_MESH_URL, or asks for it by a command, loads it.
  ['nats', /\/(@nats-io|tweetnacl)\//],
]

/** Imports as `import defer` will have them: a chunk, and a module of Node, is loaded when something of it is first used. */
const deferred = {
  name: 'deferred-imports',
  renderChunk(code) {
    // What is taken whole (`import * as`) is copied by the names of its exports: only the loaded module has them.
    const whole = new Set([...code.matchAll(/([\w$]+) = [\w$]+\.[\w$]+\(\1\b/g)].map(([, name]) => name))
    const later = code.replace(/([\w$]+) = (require\("(?:node:|\.)[^"]+"\))(?=[,;])/g, (now, name, load) =>
      whole.has(name) ? now : `${name} = __defer(() => ${load})`,
    )
    return `${later}\n${DEFER}`
  },
}
const DEFER = `function __defer(load) {
  let loaded
  return new Proxy({}, { get: (_, name) => (loaded ??= load())[name] })
}`

/** The MCP SDK uses all of zod. The mesh has a copy of its own, with what it uses: a third of the other. */
const OWN = '?own'
const ownZod = {
  name: 'own-zod',
  async resolveId(source, importer) {
    if (!importer?.endsWith('/core/schema.ts') && !importer?.endsWith(OWN)) return null
    const found = await this.resolve(source, importer.replace(OWN, ''), { skipSelf: true })
    return found && { ...found, id: found.id + OWN }
  },
  load: (id) => (id.endsWith(OWN) ? readFileSync(id.slice(0, -OWN.length), 'utf8') : null),
}

/** Standard output is the MCP client's, and NATS' client writes to it what it does not expect. */
const quietNats = {
  name: 'quiet-nats',
  transform: (code, id) => (id.includes('/@nats-io/') ? code.replace(/\bconsole\.\w+\(/g, '(() => {})(') : null),
}

/**
 * better-sqlite3 is eleven small files that look for the twelfth, the compiled one, which stands where its installation puts
 * it. Bundled, with that place, it opens a file six milliseconds sooner.
 */
const COMPILED = 'better-sqlite3/build/Release/better_sqlite3.node'
const plainSqlite = {
  name: 'plain-sqlite',
  transform(code, id) {
    if (!/better-sqlite3[\\/]lib[\\/]database\.js$/.test(id)) return null
    const plain = code.replace("require('bindings')('better_sqlite3.node')", `require('${COMPILED}')`)
    if (plain === code) throw new Error('better-sqlite3 loads its compiled part in another way than before')
    return plain
  },
}

/** As a browser loads it: all that the page is made of, compressed. */
const PAGE_LIMIT_BYTES = 120_000
/** Its styles, in the order in which they stand in app.css: of rules that meet, the later one wins. */
const STYLES = ['colours', 'whole', 'header', 'graph', 'lists', 'mail', 'locks', 'state', 'time', 'health', 'empty', 'above']

// With what V8 has kept of the last one.
for (const dir of ['dist', '.cache/compiled']) rmSync(dir, { recursive: true, force: true })
const bundle = await rolldown({
  input: { 'slm-mesh': 'bin/slm-mesh.ts', index: 'src/index.ts' },
  platform: 'node',
  external: [COMPILED],
  transform: { target: 'node20.19', define: { 'import.meta.filename': '__filename', 'import.meta.dirname': '__dirname' } },
  moduleTypes: { '.sql': 'text' },
  // Its main file asks for its parts in a way that cannot be bundled.
  resolve: { alias: { 'jsonc-parser': fileURLToPath(import.meta.resolve('jsonc-parser/lib/esm/main.js')) } },
  checks: { ineffectiveDynamicImport: false },
  plugins: [ownZod, quietNats, plainSqlite, deferred],
})
const { output } = await bundle.write({
  dir: 'dist',
  format: 'cjs',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name]-[hash].js',
  codeSplitting: { groups: together.map(([name, test], i) => ({ name, test, priority: together.length - i })) },
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
})
for (const { fileName } of output) keepNarrow(join('dist', fileName))
writeFileSync('dist/package.json', '{ "type": "commonjs" }\n')
chmodSync('dist/slm-mesh.js', 0o755)
const page = await buildPage()
writeFileSync('dist/THIRD-PARTY-LICENSES.txt', licences([...output, ...page].flatMap((chunk) => chunk.moduleIds ?? [])))

/** One character beyond Latin-1 makes Node keep the whole file in two bytes a character: written as an escape, it does not. */
function keepNarrow(file) {
  const escaped = (wide) => `\\u${wide.charCodeAt(0).toString(16).padStart(4, '0')}`
  writeFileSync(file, readFileSync(file, 'utf8').replace(/[^\0-\xff]/g, escaped))
}

/** The dashboard, for browsers: one script, and what stands beside it; each also compressed, as the leader serves it. */
async function buildPage() {
  const from = 'src/peer/leader/dashboard/page'
  const to = 'dist/dashboard'
  const bundle = await rolldown({
    input: { app: `${from}/main.tsx` },
    platform: 'browser',
    tsconfig: 'tsconfig.browser.json',
    transform: { target: 'es2023' },
  })
  const { output } = await bundle.write({ dir: to, format: 'esm', entryFileNames: '[name].js', minify: true })
  for (const name of ['index.html', 'icon.svg']) writeFileSync(join(to, name), readFileSync(join(from, name)))
  writeFileSync(join(to, 'app.css'), STYLES.map((name) => readFileSync(join(from, 'styles', `${name}.css`), 'utf8')).join('\n'))
  let sizeBytes = 0
  for (const name of readdirSync(to)) {
    const file = join(to, name)
    const bytes = readFileSync(file)
    const br = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } })
    writeFileSync(`${file}.br`, br)
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }))
    sizeBytes += br.length
  }
  const size = `${(sizeBytes / 1000).toFixed(1)} kB`
  console.log(`dashboard: ${size} compressed`)
  if (sizeBytes > PAGE_LIMIT_BYTES)
    throw new Error(`the dashboard has grown to ${size}; it may have ${PAGE_LIMIT_BYTES / 1000} kB`)
  return output
}

/** The licence of every package of which something was bundled. */
function licences(modules) {
  const packages = new Set(modules.flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []))
  return [...packages]
    .sort()
    .map((dir) => {
      const { name, version, license } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))
      const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license', 'LICENCE'].map((f) => join(dir, f)).find(existsSync)
      const rule = '-'.repeat(80)
      return `${rule}\n${name} ${version} (${license})\n${rule}\n${file ? readFileSync(file, 'utf8').trim() : `Licence: ${license}`}\n`
    })
    .join('\n')
}
