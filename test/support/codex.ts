import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'smol-toml'
import { dataDir, meshEnv, testDir } from './data-dir.ts'
import { eventually } from './eventually.ts'
import { processesWith } from './leftovers.ts'
import { type Ran, run, runOther } from './run.ts'
import { Screen } from './screen.ts'
import { programNamed, StandIn, type Turn } from './stand-in.ts'

/** A real Codex that `slm-mesh setup` has set up, in a home of its own, whose model is a script. */

export const codex = programNamed('codex')

export interface CodexOptions {
  /** The mesh to join; default: one of its own. */
  readonly dir?: string
  readonly turns: readonly Turn[]
  /** Newer models call all tools from JavaScript; this one calls them, and `apply_patch`, by name. */
  readonly model?: string
  /** What the others call it. */
  readonly name?: string
  /** More words for `slm-mesh setup`. */
  readonly setup?: readonly string[]
}

/** As a person does who is asked at the first start. Keys are lost while it does not listen yet. */
export async function trustHooks(screen: Screen): Promise<void> {
  const look = () => {
    const chosen = /› (\d)\. /.exec(screen.text())?.[1]
    if (chosen !== undefined && chosen !== '2') screen.type(chosen === '1' ? '\x1b[B' : '\x1b[A')
    return chosen === '2'
  }
  await eventually(look, { every: 500 })
  screen.type('\r')
  await screen.shows('Ask Codex to do anything')
}

export class Codex implements AsyncDisposable {
  readonly #env: Record<string, string>
  readonly #screens: Screen[] = []
  /** As the user had it before set-up. */
  readonly before: string

  private constructor(
    readonly dir: string,
    readonly home: string,
    readonly project: string,
    readonly model: StandIn,
    { model: modelName = 'gpt-5.5', name = 'codex-agent' }: CodexOptions,
  ) {
    mkdirSync(join(home, '.codex'))
    this.before = `# mine\n${stringify({
      model: modelName,
      model_provider: 'stand-in',
      check_for_update_on_startup: false,
      // Or it offers newer models before it takes a prompt.
      notice: { model_migrations: { [modelName]: 'gpt-6-sol' } },
      model_providers: {
        'stand-in': {
          name: 'stand-in',
          base_url: `http://127.0.0.1:${model.port}/v1`,
          wire_api: 'responses',
          env_key: 'STAND_IN_KEY',
        },
      },
      projects: { [project]: { trust_level: 'trusted' } },
    })}`
    writeFileSync(this.config, this.before)
    this.#env = {
      HOME: home,
      TERM: 'xterm-256color',
      SHELL: '/bin/sh',
      STAND_IN_KEY: 'none',
      ...meshEnv(dir, { SLM_MESH_NAME: name }),
    }
  }

  static async start(options: CodexOptions): Promise<Codex> {
    const { dir = dataDir(), turns, setup = [] } = options
    const place = testDir()
    const [home, project] = [join(place, 'home'), join(place, 'project')]
    for (const folder of [home, project]) mkdirSync(folder)
    const agent = new Codex(dir, home, project, await StandIn.start('responses-api.mjs', place, turns), options)
    const { code, err } = await agent.setup('codex', '--yes', ...setup)
    if (code !== 0) throw new Error(`setup has failed: ${err}`)
    return agent
  }

  /** Our own command, in the agent's home. */
  setup(...words: readonly string[]): Promise<Ran> {
    return run(['setup', ...words], this.#env, { cwd: this.project })
  }

  get config(): string {
    return join(this.home, '.codex', 'config.toml')
  }

  /** One prompt, without a terminal. Its hooks run as if a person had approved them. */
  headless(prompt: string, ...args: readonly string[]): Promise<Ran> {
    const free = ['--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', '--dangerously-bypass-hook-trust']
    return this.run('exec', ...free, ...args, prompt)
  }

  /** Any other command, such as `queue`. */
  run(...args: readonly string[]): Promise<Ran> {
    const env = { PATH: process.env.PATH ?? '', ...this.#env }
    return runOther(codex ?? 'codex', args, env, { cwd: this.project })
  }

  /**
   * As a person has it, ready for a prompt; where there are hooks, it asks first whether to trust them. Without the
   * shared daemon, which takes 20 seconds and 400 MB in a fresh home.
   */
  async interactive(...args: readonly string[]): Promise<Screen> {
    const all = ['--no-daemon', '--dangerously-bypass-approvals-and-sandbox', ...args]
    const command = [codex ?? 'codex']
    const screen = new Screen(all, this.#env, { columns: 110, rows: 40, command, cwd: this.project })
    this.#screens.push(screen)
    await screen.shows(/Ask Codex to do anything|Hooks need review/, { within: 25_000 })
    return screen
  }

  /** It may leave processes behind that go on with the session for a while. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const screen of this.#screens) await screen[Symbol.asyncDispose]()
    for (const { pid } of processesWith(`HOME=${this.home}`)) process.kill(pid, 'SIGKILL')
    await this.model[Symbol.asyncDispose]()
  }
}
