// Bundles the program and the library into dist/. What the MCP server needs at its start is one file and one shared
// chunk; SQLite, the leader's duties and the CLI are chunks of their own, loaded when needed.
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

rmSync('dist', { recursive: true, force: true })
const result = await build({
  entryPoints: { 'slm-mesh': 'bin/slm-mesh.ts', index: 'src/index.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: ['better-sqlite3'],
  // Its main file asks for its parts in a way that cannot be bundled.
  alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
  loader: { '.sql': 'text' },
  chunkNames: 'chunks/[name]-[hash]',
  // CommonJS packages inside an ES module still ask for Node's own modules with require().
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  metafile: true,
  minifyWhitespace: true,
  minifySyntax: true,
  logLevel: 'warning',
})
chmodSync('dist/slm-mesh.js', 0o755)
writeFileSync('dist/THIRD-PARTY-LICENSES.txt', licences(Object.keys(result.metafile.inputs)))

/** The licence of every package of which something was bundled. */
function licences(inputs) {
  const packages = new Set(inputs.flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []))
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
