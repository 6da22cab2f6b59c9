import { existsSync, readFileSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { isRunnable } from '../runnable.ts'
import type { Agent } from '../setup/agent.ts'
import { isThere, agents as known } from '../setup/agents.ts'
import { hooksIn, type Registration, registrationsIn } from '../setup/found.ts'
import { places } from '../setup/home.ts'
import { parseJson, Unparsable } from '../setup/json.ts'
import { bad, type Check, type Found, ok, type Site, unknown, warn } from './check.ts'

/**
 * Which agents of this machine are set up to use the mesh, would it start, and by which routes does mail reach them? Their
 * files are read, never written.
 */
export const agents: Check = async (site) => {
  const found: Found[] = []
  for (const agent of known) if (isThere(agent, site)) found.push({ ...(await judge(site, agent)), of: agent.name })
  return found.length > 0 ? found : unknown('no agent that we know is set up on this machine')
}

const MAX_BYTES = 16 * 1024 * 1024

async function judge(site: Site, agent: Agent): Promise<Found> {
  const { servers, name, title } = agent
  const registrations: (Registration & { file: string })[] = []
  const unread: string[] = []
  for (const file of [...servers.user(site), ...servers.project(site)].filter(isFile)) {
    try {
      const found = await registered(file, servers)
      registrations.push(...found.map((registration) => ({ ...registration, file })))
    } catch (error) {
      unread.push(`${file} cannot be read: ${whatIsWrong(error)}`)
    }
  }
  const [first] = unread
  const on = registrations.filter(({ isOff }) => !isOff)
  const missing = on.flatMap((registration) => missingIn(registration, site))
  if (missing[0] !== undefined && missing.length >= on.length)
    return bad(`slm-mesh is registered, but ${missing[0]} cannot be found`, `correct its command in ${on[0]?.file}`)
  if (first !== undefined) return warn(first, 'mend that file')
  if (on.length === 0 && hasPlugin(agent, site)) return ok('the plugin brings server and hooks')
  if (on.length === 0)
    return registrations.length > 0
      ? warn('slm-mesh is registered, but switched off', `switch it on in ${title}`)
      : warn('slm-mesh is not registered', `slm-mesh setup ${name}`)
  const starts = on[0]?.words.length ? `starts ${on[0].words.join(' ')}` : 'slm-mesh is registered'
  return routes(site, agent, starts)
}

/** How mail gets to its model, beyond its asking for it, and whether an edit of a locked file is stopped. */
async function routes(site: Site, { name, hooks, wake }: Agent, starts: string): Promise<Found> {
  if (!hooks) return ok(`${starts}; it has no hooks: mail comes with notices, and locks are not enforced`)
  const files = [hooks.user(site), hooks.project?.(site)].filter((file) => file !== undefined && isFile(file))
  const events: string[] = []
  let wakes = false
  for (const file of files) {
    if (file === undefined) continue
    try {
      const found = hooksIn(parseJson(text(file)), name)
      events.push(...found.events)
      wakes ||= found.wakes
      if (found.events.length > 0 && hooks.trust && !(await isTrusted(site, hooks.trust, file)))
        return warn(`${starts}; its hooks in ${file} wait for your trust`, hooks.trust.how)
    } catch (error) {
      return warn(`${starts}; ${file} cannot be read: ${whatIsWrong(error)}`, 'mend that file')
    }
  }
  if (events.length === 0)
    return warn(`${starts}; no hooks: mail waits until it asks, and locks stop no edit`, `slm-mesh setup ${name}`)
  const waking = wakes ? 'one of them' : wake
  const idle = waking ? `an idle session is woken by ${waking}` : 'an idle session is not woken'
  return ok(`${starts}; hooks on ${[...new Set(events)].join(', ')}; ${idle}`)
}

async function isTrusted(site: Site, trust: NonNullable<NonNullable<Agent['hooks']>['trust']>, hooks: string) {
  const file = trust.file(site)
  if (!isFile(file)) return false
  const { parseToml } = await import('../setup/toml.ts')
  return trust.isGiven(parseToml(text(file)), hooks)
}

/** Claude Code's plugin, which its users install without set-up. */
const hasPlugin = ({ name }: Agent, site: Site): boolean => {
  const settings = join(places(site).claude, 'settings.json')
  return name === 'claude-code' && isFile(settings) && /"slm-mesh@[^"]+"\s*:\s*true/.test(text(settings))
}

async function registered(file: string, { format, key }: Agent['servers']): Promise<Registration[]> {
  const content = text(file)
  if (content.trim() === '') return []
  if (format === 'toml') {
    const { parseToml } = await import('../setup/toml.ts')
    return registrationsIn(parseToml(content), key)
  }
  // Not worth a parser of its own: a name in the list says enough.
  if (format === 'yaml') return /^\s+["']?slm-mesh["']?\s*:/m.test(content) ? [{ words: [], isOff: false }] : []
  return registrationsIn(parseJson(content), key)
}

function text(file: string): string {
  if (statSync(file).size > MAX_BYTES) throw new Error('it is too large')
  return readFileSync(file, 'utf8').replace(/^\uFEFF/, '')
}

function whatIsWrong(error: unknown): string {
  if (error instanceof Unparsable && error.line !== undefined) return `${error.message} in line ${error.line}`
  return String(error instanceof Error ? error.message.split('\n')[0] : error)
}

/** What of a command line is not there: the program, or a script of ours that it is given. */
function missingIn({ words }: Registration, site: Site): string[] {
  const [program, ...args] = words
  if (program === undefined) return []
  if (!isRunnable(program, site)) return [program]
  return args.filter((word) => isAbsolute(word) && /\.[cm]?js$/.test(word) && !existsSync(word)).slice(0, 1)
}

const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
