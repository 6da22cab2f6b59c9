import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROGRAM } from './agent.ts'
import { dataDir, meshEnv, testDir } from './data-dir.ts'
import { type Ran, runOther } from './run.ts'
import { Screen } from './screen.ts'
import { programNamed, StandIn, type Turn } from './stand-in.ts'

/** A real Claude Code with our server, in a home of its own, whose model is a script. */

export const claude = programNamed('claude')

/** It must be known to the settings, or the program asks whether to use it. */
const KEY = 'no-key-but-a-word'

export interface ClaudeCodeOptions {
  /** The mesh to join; default: one of its own. */
  readonly dir?: string
  readonly turns: readonly Turn[]
  /** `settings.json`: hooks and the like. */
  readonly settings?: object
  /** More for our entry in `mcpServers`. */
  readonly server?: object
  readonly env?: Record<string, string>
}

export class ClaudeCode implements AsyncDisposable {
  readonly #env: Record<string, string>
  readonly #config: string
  readonly #screens: Screen[] = []

  private constructor(
    readonly dir: string,
    readonly home: string,
    readonly project: string,
    readonly model: StandIn,
    { settings = {}, server = {}, env = {} }: ClaudeCodeOptions,
  ) {
    this.#config = join(home, 'servers.json')
    const entry = { command: process.execPath, args: [PROGRAM], alwaysLoad: true, ...server }
    writeFileSync(this.#config, JSON.stringify({ mcpServers: { 'slm-mesh': entry } }))
    mkdirSync(join(home, '.claude'))
    writeFileSync(join(home, '.claude', 'settings.json'), JSON.stringify(settings))
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
      ...meshEnv(dir),
      ...env,
    }
  }

  static async start(options: ClaudeCodeOptions): Promise<ClaudeCode> {
    const dir = options.dir ?? dataDir()
    const place = testDir()
    const [home, project] = [join(place, 'home'), join(place, 'project')]
    for (const folder of [home, project]) mkdirSync(folder)
    return new ClaudeCode(dir, home, project, await StandIn.start('messages-api.mjs', place, options.turns), options)
  }

  get #args(): string[] {
    const allowed = 'mcp__slm-mesh,Write,Edit,NotebookEdit,Bash,Agent'
    return ['--mcp-config', this.#config, '--strict-mcp-config', '--allowedTools', allowed, '--debug-file', this.log]
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
