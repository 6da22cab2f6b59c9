import { main } from '../../src/cli/main.ts'
import { PROGRAM } from './agent.ts'
import { meshEnv } from './data-dir.ts'
import { type Ran, run } from './run.ts'

/** The program as a person or a script in one mesh has it. */

/** The built program, with no terminal. */
export const shellIn =
  (dir: string) =>
  (args: readonly string[], options: Parameters<typeof run>[2] = {}): Promise<Ran> =>
    run(args, meshEnv(dir), options)

/** The document that `--json` printed. */
export const documentOf = ({ out }: Ran) => JSON.parse(out)

interface Screen {
  readonly columns?: number
  readonly colour?: boolean
  readonly cwd?: string
  readonly env?: Record<string, string>
  /** Standard input, to its end. */
  readonly input?: string
  /** False: a program reads the output. */
  readonly isTty?: boolean
  /** Pressed as soon as a key is waited for, one each time; the last again and again. Without it there is no keyboard. */
  readonly key?: string | readonly string[]
}

/** In this process, which is quicker, and before a terminal that looks on. */
export const screenIn =
  (dir: string) =>
  async (
    args: readonly string[],
    { columns = 80, colour = false, cwd = dir, env = {}, input = '', isTty = true, key }: Screen = {},
  ): Promise<Ran> => {
    let out = ''
    let err = ''
    const keys = [key ?? []].flat()
    const code = await main(args, {
      env: { ...meshEnv(dir), ...env },
      cwd,
      terminal: {
        out: (text) => {
          out += text
        },
        err: (text) => {
          err += text
        },
        isTty,
        colour,
        size: () => ({ columns, rows: 24 }),
        ...(key !== undefined && {
          keys: (on) => {
            const next = (keys.length > 1 ? keys.shift() : keys[0]) ?? ''
            queueMicrotask(() => on.key(next))
            return { [Symbol.dispose]() {} }
          },
        }),
      },
      input: async () => input,
      signal: new AbortController().signal,
      program: PROGRAM,
    })
    return { code, out, err }
  }

/** What a hostile peer would have a terminal do: clear it, turn the text around, forge a line, ring. */
export const HOSTILE = 'before\u001b[2J\u001b]0;owned\u0007\u202eafter\u009b31m\u200b\nbrave-otter (human) → cli · 1 s ago'
/** What no text on a screen may hold. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
export const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200b]/
