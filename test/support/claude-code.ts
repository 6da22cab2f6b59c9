import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dataDir, meshEnv, testDir } from './data-dir.ts'
import { type Ran, run, runOther } from './run.ts'
import { Screen } from './screen.ts'
import { programNamed, StandIn, type Turn } from './stand-in.ts'

/** A real Claude Code that `slm-mesh setup` has set up, in a home of its own, whose model is a script. */

export const claude = programNamed('claude')

/** Whether other programs can write to its sessions: since 2.1.224. */
export const hasInbox = claude !== undefined && isLater(execFileSync(claude, ['--version'], { encoding: 'utf8' }))

function isLater(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[. ]/).map(Number)
  return major > 2 || minor > 1 || patch >= 224
}

/** It must be known to the settings, or the program asks whether to use it. */
const KEY = 'no-key-but-a-word'

/** What the user had there, in their own way of writing it. */
export const SETTINGS = '{ "includeCoAuthoredBy":false,\n    "permissions": {"allow": [ "Read" ]} }\n'

export interface ClaudeCodeOptions {
  /** The mesh to join; default: one of its own. */
  readonly dir?: string
  readonly turns: readonly Turn[]
  /** What the others call it. */
  readonly name?: string
  /** More words for `slm-mesh setup`. */
  readonly setup?: readonly string[]
}

export class ClaudeCode implements AsyncDisposable {
  readonly #env: Record<string, string>
  readonly #screens: Screen[] = []

  private constructor(
    readonly dir: string,
    readonly home: string,
    readonly project: string,
    readonly model: StandIn,
    { name = 'claude-agent' }: ClaudeCodeOptions,
  ) {
    mkdirSync(join(home, '.claude'))
    writeFileSync(this.settings, SETTINGS)
    writeFileSync(
      join(home, '.claude.json'),
      JSON.stringify({
        hasCompletedOnboarding: true,
        theme: 'dark',
        customApiKeyResponses: { approved: [KEY], rejected: [] },
        projects: { [project]: { hasTrustDialogAccepted: true } },
      }),
    )
    this.#env = {
      HOME: home,
      TERM: 'xterm-256color',
      SHELL: '/bin/sh',
      ANTHROPIC_BASE_URL: `http://127.0.0.1:${model.port}`,
      ANTHROPIC_API_KEY: KEY,
      DISABLE_AUTOUPDATER: '1',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      ...meshEnv(dir, { SLM_MESH_NAME: name }),
    }
  }

  static async start(options: ClaudeCodeOptions): Promise<ClaudeCode> {
    const { dir = dataDir(), turns, setup = [] } = options
    const place = testDir()
    const [home, project] = [join(place, 'home'), join(place, 'project')]
    for (const folder of [home, project]) mkdirSync(folder)
    const agent = new ClaudeCode(dir, home, project, await StandIn.start('messages-api.mjs', place, turns), options)
    const { code, err } = await agent.setup('claude-code', '--yes', ...setup)
    if (code !== 0) throw new Error(`setup has failed: ${err}`)
    return agent
  }

  /** Our own command, in the agent's home. */
  setup(...words: readonly string[]): Promise<Ran> {
    return run(['setup', ...words], this.#env, { cwd: this.project })
  }

  get settings(): string {
    return join(this.home, '.claude', 'settings.json')
  }

  get #args(): string[] {
    return ['--allowedTools', 'mcp__slm-mesh,Write,Edit,NotebookEdit,Read,Bash,Agent', '--debug-file', this.log]
  }

  /** The program's own log. */
  get log(): string {
    return join(this.home, 'debug.log')
  }

  /** One prompt, without a terminal. */
  headless(prompt: string, ...args: readonly string[]): Promise<Ran> {
    const all = ['-p', prompt, '--output-format', 'json', ...this.#args, ...args]
    return runOther(claude ?? 'claude', all, this.#env, { cwd: this.project })
  }

  /** As a person has it, ready for a prompt. */
  async interactive(...args: readonly string[]): Promise<Screen> {
    const command = [claude ?? 'claude']
    const screen = new Screen([...this.#args, ...args], this.#env, { columns: 110, rows: 40, command, cwd: this.project })
    this.#screens.push(screen)
    await screen.shows('❯', { within: 25_000 })
    return screen
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const screen of this.#screens) await screen[Symbol.asyncDispose]()
    await this.model[Symbol.asyncDispose]()
  }
}
