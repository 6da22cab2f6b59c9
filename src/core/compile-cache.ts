import { accessSync, constants as fsConstants, mkdirSync, readFileSync } from 'node:fs'
import Module, { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { Script, constants as vmConstants } from 'node:vm'
import { crc32 } from 'node:zlib'
import { writePrivately } from './private-file.ts'

/** What of Node's loader of CommonJS we stand in for; the same in all of Node 20 (lib/internal/modules/cjs/loader.js). */
interface Loaded {
  exports: unknown
  _compile(text: string, filename: string): unknown
}

const [head] = Module.wrap('|').split('|')

/**
 * Keeps what V8 has compiled of the files under `code` in `dir`, for the next process, as `module.enableCompileCache` does
 * since Node 22. V8 itself refuses what is of another version of it, or of another text; a checksum keeps from it what is
 * damaged, of which it would die. Where nothing can be written, nothing is kept.
 */
export function keepCompiled(code: string, dir: string): void {
  try {
    mkdirSync(dir, { recursive: true })
    accessSync(dir, fsConstants.W_OK)
  } catch {
    return
  }
  const loader = Module.prototype as unknown as Loaded // its types leave out what only loaders need
  const compile = loader._compile
  const fresh: [path: string, script: Script][] = []
  loader._compile = function (text, filename) {
    if (!filename.startsWith(code)) return compile.call(this, text, filename)
    const path = join(dir, basename(filename))
    const cachedData = kept(path)
    const script = new Script(Module.wrap(text), {
      filename,
      columnOffset: -(head?.length ?? 0),
      ...(cachedData && { cachedData }),
      importModuleDynamically: vmConstants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    })
    if (!cachedData || script.cachedDataRejected) fresh.push([path, script])
    return script.runInThisContext().call(this.exports, this.exports, createRequire(filename), this, filename, dirname(filename))
  }
  // By then V8 has compiled what was called, as well.
  process.once('exit', () => {
    for (const [path, script] of fresh) keep(path, script.createCachedData())
  })
}

const CHECKSUM_BYTES = 4

function kept(path: string): Buffer | undefined {
  try {
    const file = readFileSync(path)
    const end = file.length - CHECKSUM_BYTES
    const data = file.subarray(0, end)
    return crc32(data) === file.readUInt32LE(end) ? data : undefined
  } catch {
    return undefined
  }
}

function keep(path: string, data: Buffer): void {
  const checksum = Buffer.alloc(CHECKSUM_BYTES)
  checksum.writeUInt32LE(crc32(data))
  try {
    writePrivately(path, Buffer.concat([data, checksum]))
  } catch {}
}
