import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Agent } from '../support/agent.ts'
import { dataDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { servingLeader } from '../support/health.ts'
import { freePorts } from '../support/ports.ts'
import { run } from '../support/run.ts'

/** Five real peers at work, as a person sees them who opens the dashboard. */

/** What a hostile peer would have a page do. */
export const HOSTILE_MARKUP = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>"'><svg onload=alert(1)>`

export const NAMES = ['ann', 'ben', 'cid', 'dora', 'emil'] as const
type Name = (typeof NAMES)[number]
const AGENTS: Readonly<Record<Name, string>> = {
  ann: 'claude-code',
  ben: 'codex',
  cid: 'cursor',
  dora: 'gemini-cli',
  emil: 'claude-code',
}

export interface Scene extends AsyncDisposable {
  readonly dir: string
  readonly project: string
  readonly port: number
  readonly agents: Readonly<Record<Name, Agent>>
  /** A link to the dashboard, as `slm-mesh ui --print` makes it. */
  link(): Promise<string>
  /** Who leads now. */
  leader(): Promise<{ name: Name; agent: Agent; term: number }>
}

/** Locks with a line of waiters, mail in threads, state with its history, summaries. */
export async function scene(): Promise<Scene> {
  const dir = dataDir()
  const project = join(dirname(dir), 'shop')
  mkdirSync(join(project, 'src'), { recursive: true })
  // The page belongs to its port: the next leader takes the same one.
  const [port = 0] = await freePorts(1)
  const env = { SLM_MESH_PORT: String(port), SLM_MESH_DATA_DIR: dir }
  const started: [Name, Agent][] = []
  for (const name of NAMES)
    started.push([
      name,
      await Agent.start({ dir, cwd: project, env: { ...env, SLM_MESH_NAME: name, SLM_MESH_AGENT: AGENTS[name] } }),
    ])
  const agents = Object.fromEntries(started) as Record<Name, Agent> // one for each name
  const { ann, ben, cid, dora, emil } = agents
  const over = new AbortController()

  await ann.call('peer.describe', { summary: 'moving the orders to the new schema' })
  await ben.call('peer.describe', { summary: 'writing tests for the basket' })
  await ann.call('lock.acquire', { filePath: join(project, 'src'), reason: 'moving files about' })
  await cid.call('lock.acquire', { filePath: join(project, 'package.json'), reason: 'upgrading' })
  // They stand in line until the scene is over.
  const waiting = [ben, dora].map((agent) =>
    // … or their process.
    agent.call('lock.acquire', { filePath: join(project, 'src/orders.ts'), wait: 300 }, { signal: over.signal }).catch(() => {}),
  )
  const sent = await ann.call('message.send', { to: 'ben', message: 'May I rename the table of orders?' })
  const { messages } = await ben.call('message.inbox', {})
  await ben.call('message.send', { to: 'ann', message: 'Yes, after my tests.', replyTo: messages[0]?.id ?? sent.messageId ?? '' })
  await cid.call('message.send', { to: 'all', message: 'Upgrading everything, back in five minutes' })
  await emil.call('message.send', { to: 'dashboard', message: 'Shall I go on with the invoices?', priority: 'urgent' })
  await dora.call('message.send', { to: 'emil', message: HOSTILE_MARKUP })
  await ann.call('state.set', { key: 'schema', value: '7' })
  await ann.call('state.set', { key: 'schema', value: '8' })
  await ben.call('state.set', { namespace: 'build', key: 'status', value: JSON.stringify({ green: true, commit: 'f15b600' }) })
  await dora.call('state.set', { namespace: 'build', key: 'hostile', value: HOSTILE_MARKUP })
  await emil.call('event.emit', { types: ['x_deploy'], payload: { to: 'staging', note: HOSTILE_MARKUP } })
  await eventually(() => servingLeader(dir))
  return {
    ...{ dir, project, port, agents },
    async link() {
      const { code, out, err } = await run(['ui', '--print'], env)
      if (code !== 0) throw new Error(`slm-mesh ui --print ended with ${code}: ${err}`)
      return out.trim()
    },
    async leader() {
      const { pid, term } = await eventually(() => servingLeader(dir))
      const found = started.find(([, agent]) => agent.pid === pid)
      if (!found) throw new Error(`none of ours leads, but ${pid}`)
      return { name: found[0], agent: found[1], term }
    },
    async [Symbol.asyncDispose]() {
      over.abort()
      await Promise.all(waiting)
      await Promise.all(started.map(([, agent]) => agent[Symbol.asyncDispose]()))
    },
  }
}
