#!/usr/bin/env node
// Standard input is a pipe and there are no arguments, or the first is `mcp`: an agent has started us as its MCP
// server. `hook` is called by its hooks. Otherwise a person or a script is at the shell.
import { join } from 'node:path'
import { keepCompiled } from '../src/core/compile-cache.ts'

process.umask(0o077)
// What V8 has compiled is kept: a command starts a fifth sooner. Beside our code, as whoever may write there could change the
// code itself; where we may not, nothing is kept.
const module: { enableCompileCache?(dir: string): unknown } = process.getBuiltinModule('node:module') as object
const cache = join(import.meta.dirname, '..', '.cache', 'compiled')
if (module.enableCompileCache) module.enableCompileCache(cache)
else keepCompiled(import.meta.dirname, join(cache, `${process.version}-${process.arch}`))
// A limit on the size of files makes a write fail; it need not end the process.
process.on('SIGXFSZ', () => {})

const args = process.argv.slice(2)
const isServer = args.length === 0 ? !process.stdin.isTTY : args[0] === 'mcp' && args.length === 1
const isHook = args[0] === 'hook' && args.length > 1 && !args.includes('--help') && !args.includes('-h')
void (isServer ? serveAgent() : isHook ? serveHook() : serveShell())

async function serveAgent(): Promise<void> {
  const stderr = (line: string) => void process.stderr.write(line)
  // A bug must be seen, and must not take the agent off the mesh.
  process.on('unhandledRejection', (reason) => stderr(`slm-mesh bug: ${reason instanceof Error ? reason.stack : reason}\n`))
  const { serve } = await import('../src/mcp/main.ts')
  const code = await serve({
    env: process.env,
    cwd: process.cwd(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr,
    onSignal: (end) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end)
    },
    parentPid: () => process.ppid,
  })
  process.exit(code)
}

/** At every edit of an agent: without the command line's own weight. */
async function serveHook(): Promise<void> {
  const { hook } = await import('../src/cli/hooks/direct.ts')
  process.exit(await hook(args.slice(1), process, process.env))
}

async function serveShell(): Promise<void> {
  const { main } = await import('../src/cli/main.ts')
  const { processTerminal, readInput } = await import('../src/cli/process.ts')
  const stop = new AbortController()
  let asked: number | undefined
  const end = (signal: NodeJS.Signals) => {
    // Shells, npm and timeout(1) may deliver one wish twice; whoever repeats it later does not want to wait any longer.
    if (asked !== undefined && performance.now() - asked > 1_000) process.exit(130)
    asked ??= performance.now()
    stop.abort(signal)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end)
  // Everything is written and closed: the system takes memory back sooner than Node clears it up.
  process.once('beforeExit', () => process.exit())
  process.exitCode = await main(args, {
    env: process.env,
    cwd: process.cwd(),
    terminal: processTerminal(process, process.env, () => stop.abort()),
    input: () => readInput(process.stdin),
    signal: stop.signal,
    program: import.meta.filename,
  })
}
