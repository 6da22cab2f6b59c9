import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../src/core/config.ts'
import { Agent, type AgentOptions } from './agent.ts'
import { meshEnv, testDir } from './data-dir.ts'
import { onFailure } from './on-failure.ts'
import { git } from './repository.ts'
import { type Ran, run } from './run.ts'

/**
 * Machines of one mesh as people have them: each with a disk of its own, on which a clone of one repository stands at another
 * place, and real sessions. One machine is told from another by its data directory and its name; `via` may put it behind a
 * wire of its own.
 */
export interface SceneHost {
  readonly name: string
  /** What SLM_MESH_DATA_DIR says. */
  readonly dataDir: string
  /** Where this machine's copy of the mesh is. */
  readonly dir: string
  readonly env: Record<string, string>
  /** Its clone. */
  readonly project: string
  agent(name: string, options?: Omit<AgentOptions, 'dir'>): Promise<Agent>
  /** As `agent`, and does not wait until it has joined. */
  connect(name: string, options?: Omit<AgentOptions, 'dir'>): Promise<Agent>
  /** The built program at a shell in the clone. */
  run(args: readonly string[], input?: string): Promise<Ran>
  /** What its processes have logged. */
  log(): string
}

/** Its two clones are called by the two forms of one address. */
const REMOTES = ['https://example.org/team/project.git', 'git@example.org:team/project.git']
const PLACES = ['src/project', 'work/clones/ours', 'p']

/** So many machines, without a session yet. `env` holds where the mesh is. */
export function createHosts(
  count: number,
  env: Record<string, string>,
  { via = () => [] }: { via?: (host: number) => readonly string[] } = {},
): SceneHost[] {
  const hosts: SceneHost[] = []
  for (let n = 0; n < count; n++) {
    const disk = realpathSync(testDir())
    const project = join(disk, PLACES[n] ?? `p${n}`)
    const [first] = hosts
    mkdirSync(join(project, '..'), { recursive: true })
    if (first) git(disk, 'clone', '-q', first.project, project)
    else {
      git(disk, 'init', '-q', '-b', 'main', project)
      git(project, 'commit', '-q', '--allow-empty', '-m', 'first')
    }
    git(project, 'remote', first ? 'set-url' : 'add', 'origin', REMOTES[n % 2] ?? '')
    const dataDir = join(disk, 'mesh')
    const name = `host-${n + 1}`
    const own = { HOME: disk, ...meshEnv(dataDir), SLM_MESH_HOST_NAME: name, ...env }
    const { dataDir: dir } = readConfig(own)
    const log = () => {
      const path = join(dir, 'mesh.log')
      return existsSync(path) ? readFileSync(path, 'utf8') : ''
    }
    onFailure(() => console.error(`--- log of ${name}\n${log().slice(-6_000)}`))
    const before = via(n)
    const command = [...before, process.execPath]
    const start =
      (how: 'start' | 'connect') =>
      (agent: string, options: Omit<AgentOptions, 'dir'> = {}) =>
        Agent[how]({ dir: dataDir, cwd: project, command, ...options, env: { ...own, SLM_MESH_NAME: agent, ...options.env } })
    hosts.push({
      ...{ name, dataDir, dir, env: own, project, log },
      agent: start('start'),
      connect: start('connect'),
      run: (args, input) => run(args, own, { command, cwd: project, ...(input !== undefined && { input }) }),
    })
  }
  return hosts
}
