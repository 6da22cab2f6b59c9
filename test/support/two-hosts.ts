import { execFileSync } from 'node:child_process'

/**
 * Two hosts on one machine: two network namespaces, and between them one wire that the test has made and can cut. Nothing
 * that runs in them reaches anything else, and nobody else reaches them. It takes root, and `ip`.
 */
interface Host {
  readonly name: string
  readonly address: string
  /** What runs a program there: `[...via, process.execPath, ...]`; for `Agent.start`, `run` and `startNats`. */
  readonly via: readonly string[]
}

export interface TwoHosts extends AsyncDisposable {
  readonly a: Host
  readonly b: Host
  /** As a cable that is pulled: nothing passes, connections stay open and hear nothing. */
  cut(): void
  mend(): void
}

let made = 0

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })

/** Or why there can be none here. */
export function twoHosts(): TwoHosts | { refused: string } {
  // Addresses from the range that is for examples only: no network has them.
  const run = `slm${process.pid}-${(made += 1)}`
  const host = (name: string, address: string): Host => ({ name, address, via: ['ip', 'netns', 'exec', name] })
  const [a, b] = [host(`${run}a`, '192.0.2.1'), host(`${run}b`, '192.0.2.2')]
  const end = () => {
    for (const { name } of [a, b])
      try {
        // The wire goes with them.
        ip('netns', 'delete', name)
      } catch {
        // It has never been.
      }
  }
  try {
    for (const { name } of [a, b]) ip('netns', 'add', name)
    ip('-n', a.name, 'link', 'add', 'wire', 'type', 'veth', 'peer', 'name', 'wire', 'netns', b.name)
    for (const { name, address } of [a, b]) {
      ip('-n', name, 'address', 'add', `${address}/30`, 'dev', 'wire')
      for (const device of ['lo', 'wire']) ip('-n', name, 'link', 'set', device, 'up')
    }
  } catch (error) {
    end()
    return { refused: String((error as { stderr?: string }).stderr || error).trim() }
  }
  return {
    ...{ a, b },
    // a's end: b then has a wire without a signal, and what it sends is lost in silence; a still reaches itself.
    cut: () => void ip('-n', a.name, 'link', 'set', 'wire', 'down'),
    mend: () => void ip('-n', a.name, 'link', 'set', 'wire', 'up'),
    [Symbol.asyncDispose]: async () => end(),
  }
}
