import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import type { ParseError } from 'jsonc-parser'
import { type AgentConfig, agentConfigs, type Registration, registrationsIn } from './agent-configs.ts'
import { bad, type Check, type Found, ok, type Site, unknown, warn } from './check.ts'

/** Which agents of this machine are set up to use the mesh, and would it start? Their files are read, never written. */
export const agents: Check = async (site) => {
  const found: Found[] = []
  for (const config of agentConfigs(site)) {
    const files = config.files.filter(isFile)
    if (files.length === 0 && !config.dirs.some(existsSync)) continue
    found.push({ ...(await judgeAgent(site, config, files)), of: config.agent })
  }
  return found.length > 0 ? found : unknown('no agent that we know is set up on this machine')
}

const MAX_BYTES = 16 * 1024 * 1024

async function judgeAgent(
  site: Site,
  { files: [wanted = ''], format, key }: AgentConfig,
  files: readonly string[],
): Promise<Found> {
  const registrations: (Registration & { file: string })[] = []
  const unread: string[] = []
  for (const file of files) {
    try {
      if (statSync(file).size > MAX_BYTES) throw new Error('it is too large')
      const found = await read(readFileSync(file, 'utf8'), format, key)
      registrations.push(...found.map((registration) => ({ ...registration, file })))
    } catch (error) {
      unread.push(`${file} cannot be read: ${error instanceof Error ? error.message.split('\n')[0] : error}`)
    }
  }
  const [first] = unread
  const on = registrations.filter(({ isOff }) => !isOff)
  const missing = on.flatMap((registration) => missingIn(registration, site))
  if (missing[0] !== undefined && missing.length >= on.length)
    return bad(`slm-mesh is registered, but ${missing[0]} cannot be found`, `correct its command in ${on[0]?.file}`)
  if (first !== undefined) return warn(first, 'mend that file')
  if (on.length > 0) return ok(on[0]?.words.length ? `starts ${on[0].words.join(' ')}` : 'slm-mesh is registered')
  return registrations.length > 0
    ? warn('slm-mesh is registered, but switched off', 'switch it on in the agent')
    : warn('slm-mesh is not registered', `add it to ${files[0] ?? wanted}, under ${key}: see the README`)
}

async function read(text: string, format: AgentConfig['format'], key: string): Promise<Registration[]> {
  if (text.trim() === '') return []
  if (format === 'toml') {
    const { parse } = await import('smol-toml')
    return registrationsIn(parse(text), key)
  }
  // Not worth a parser of its own: a name in the list says enough.
  if (format === 'yaml') return /^\s+["']?slm-mesh["']?\s*:/m.test(text) ? [{ words: [], isOff: false }] : []
  const { parse, printParseErrorCode } = await import('jsonc-parser')
  const errors: ParseError[] = []
  const document = parse(text, errors, { allowTrailingComma: true })
  const [error] = errors
  if (error) {
    const line = text.slice(0, error.offset).split('\n').length
    throw new Error(`${printParseErrorCode(error.error)} in line ${line}`)
  }
  return registrationsIn(document, key)
}

/** What of a command line is not there: the program, or a script of ours that it is given. */
function missingIn({ words }: Registration, { env, platform, cwd }: Site): string[] {
  const [program, ...args] = words
  if (program === undefined) return []
  if (!isRunnable(program, env, platform, cwd)) return [program]
  return args.filter((word) => isAbsolute(word) && /\.[cm]?js$/.test(word) && !existsSync(word)).slice(0, 1)
}

function isRunnable(program: string, env: Site['env'], platform: NodeJS.Platform, cwd: string): boolean {
  const endings = platform === 'win32' ? ['', ...(env.PATHEXT ?? '.EXE;.CMD;.BAT').split(';')] : ['']
  const dirs = /[\\/]/.test(program) ? [isAbsolute(program) ? '' : cwd] : (env.PATH ?? '').split(delimiter)
  return dirs.some((dir) => endings.some((ending) => isExecutable((dir === '' ? program : join(dir, program)) + ending)))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return isFile(path)
  } catch {
    return false
  }
}

const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
