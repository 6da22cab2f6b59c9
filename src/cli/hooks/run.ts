import { monotonicMs } from '../../core/clock.ts'
import { type Environment, readConfig } from '../../core/config.ts'
import { createLog } from '../../core/log.ts'
import { exists, layoutOf } from '../../core/paths.ts'
import { sleep } from '../../core/scope.ts'
import type { HookCall } from '../../peer/hook.ts'
import type { Told } from '../../peer/hook-door.ts'
import { EXIT_FAILED } from '../failures.ts'
import { type Adapter, type Printed, saysAll } from './adapter.ts'
import { adapters, eventOf } from './all.ts'
import { eventInCursor } from './claude-code.ts'
import { cursor } from './cursor.ts'
import { type Fields, fieldsOf } from './fields.ts'

/**
 * One hook of an agent, from its JSON to our answer. It runs at every edit, so it loads as little as it can.
 *
 * Whatever goes wrong, the agent goes on: no mesh, no session's peer, no answer in time, an input that is none. With
 * `failClosed` an edit that could not be checked is refused instead. Nothing counts as shown unless it was written whole and
 * taken by whoever reads it (G2). Never exits with 2 but where the agent means a refusal by it.
 */

/** From the process's start. */
const PATIENCE_MS = 1_500
/** However slow the start was. */
const LEAST_PATIENCE_MS = 500

export interface HookWords {
  readonly agent: string
  readonly event: string
  readonly autoLock: boolean
  readonly failClosed: boolean
  readonly dataDir: string | undefined
}

/** This process's surroundings. What is written resolves to whether it has been taken. */
export interface Outside {
  readonly env: Environment
  readonly cwd: string
  input(signal: AbortSignal): Promise<string>
  out(text: string): Promise<boolean>
  err(text: string): Promise<boolean>
}

/** What could not be done; the agent goes on. */
class Trouble extends Error {}

/** Resolves to the exit code. Never throws. */
export async function runHook(words: HookWords, outside: Outside): Promise<number> {
  const adapter = Object.hasOwn(adapters, words.agent) ? adapters[words.agent] : undefined
  if (!adapter) {
    await outside.err(`slm-mesh: no hooks are known of ${JSON.stringify(words.agent)}; of ${Object.keys(adapters).join(', ')}\n`)
    return EXIT_FAILED
  }
  const event = eventOf(adapter, words.event)
  const patience = new AbortController()
  const done = new AbortController()
  void sleep(Math.max(LEAST_PATIENCE_MS, PATIENCE_MS - monotonicMs()), done.signal, true).then(() => patience.abort())
  const { signal } = patience
  try {
    const input = await read(outside, signal)
    const inCursor = adapter === adapters['claude-code'] ? eventInCursor(event, input) : undefined
    // Cursor's own hooks ask.
    if (inCursor !== undefined) return await write(cursor.print(inCursor, {}), outside)
    const call = adapter.call(event, input)
    if (!call) return await write(adapter.print(event, {}), outside)
    if (call.moment === 'idle' && adapter.mayWait?.(outside.env) === false) return await write(adapter.print(event, {}), outside)
    const isDeaf = adapter.isDeaf?.(event, input) ?? false
    // Such an event is worth a question only for what it tells: what was written, or that a turn's locks are free. A stop
    // at which nobody can be held is the end.
    if (isDeaf && call.paths === undefined && !words.autoLock) return await write(adapter.print(event, {}), outside)
    const told = await ask(
      adapter,
      isDeaf && call.moment === 'stop' ? { ...call, moment: 'end' } : call,
      input,
      words,
      outside,
      signal,
    )
    return await show(adapter.print(event, isDeaf ? {} : told.answer), told, outside)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    note(words, outside, why)
    const isGuard = words.failClosed && adapter.events[event] === 'before-edit'
    return await write(adapter.print(event, isGuard ? { deny: unchecked(why) } : {}), outside)
  } finally {
    done.abort()
  }
}

async function read(outside: Outside, signal: AbortSignal): Promise<Fields> {
  const text = await outside.input(signal)
  try {
    return fieldsOf(JSON.parse(text))
  } catch {
    throw new Trouble('standard input holds no JSON')
  }
}

async function ask(
  adapter: Adapter,
  call: HookCall,
  input: Fields,
  words: HookWords,
  outside: Outside,
  signal: AbortSignal,
): Promise<Told> {
  if (call.moment === 'before-edit' && call.paths === undefined) throw new Trouble('the input names no file')
  const { database } = layoutOf(configOf(words, outside).dataDir)
  if (!exists(database)) throw new Trouble('there is no mesh')
  const [{ findSessionPeer }, { askPeer }] = await Promise.all([
    import('../../peer/session-peer.ts'),
    import('../../peer/hook-door.ts'),
  ])
  const peer = await findSessionPeer(
    database,
    {
      agentTypes: adapter.agentTypes,
      session: adapter.session(input),
      cwd: call.cwd ?? outside.cwd,
      isOneProcess: adapter.isOneProcess ?? false,
    },
    signal,
  )
  if (!peer) throw new Trouble('this session is not on the mesh')
  // Whoever waits for mail waits for as long as there is somebody to bring it: its session's end closes the line.
  const until = call.moment === 'idle' ? new AbortController().signal : signal
  return askPeer(
    peer.socketPath,
    { ...call, agent: peer.agentType, ...(words.autoLock && { autoLock: true }) },
    { signal: until },
  )
}

/** What was not written, or not whole, stays as unread as it was. */
async function show(printed: Printed, told: Told, outside: Outside): Promise<number> {
  const isTaken = await taken(printed, outside)
  if (isTaken && saysAll(printed, told.answer)) await Promise.race([told.left(), sleep(LEAST_PATIENCE_MS, undefined, true)])
  told.close()
  return printed.exit
}

async function write(printed: Printed, outside: Outside): Promise<number> {
  await taken(printed, outside)
  return printed.exit
}

async function taken({ stdout, stderr }: Printed, outside: Outside): Promise<boolean> {
  const results = [
    stdout === undefined || (await outside.out(`${JSON.stringify(stdout)}\n`)),
    stderr === undefined || (await outside.err(`${stderr}\n`)),
  ]
  return results.every((isTaken) => isTaken)
}

const unchecked = (why: string) =>
  `SLM Mesh could not check whether another session holds this file (${why}), and edits that cannot be checked are refused here. ` +
  'mesh_status tells whether the mesh works; ask your user how to go on.'

const configOf = ({ dataDir }: HookWords, { env }: Outside) =>
  readConfig(dataDir === undefined ? env : { ...env, SLM_MESH_DATA_DIR: dataDir })

/** For whoever looks for the reason; nobody else hears of it. */
function note(words: HookWords, outside: Outside, why: string): void {
  try {
    const { dataDir, log } = configOf(words, outside)
    const layout = layoutOf(dataDir)
    if (exists(layout.dataDir))
      createLog(
        layout.log,
        log,
        () => 'hook',
        () => {},
      ).debug('a hook was not answered', { ...nameOf(words), why })
  } catch {
    // The settings are what is wrong.
  }
}

const nameOf = ({ agent, event }: HookWords) => ({ agent, event })
