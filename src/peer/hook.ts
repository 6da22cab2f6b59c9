/**
 * What an agent's hook tells the peer of its session, and what it is told back: the same for every agent. How each agent
 * names its events and writes its JSON is the business of its adapter (`cli/hooks/`) or, in process, of `mcp/hooks.ts`.
 */

/**
 * When a hook speaks. `start`: a session begins, resumes, or has forgotten what it knew. `prompt`: the user has written,
 * and the model has not seen it yet. `before-edit`: a tool is about to write `paths`. `after-tool`: a tool has ended; where
 * it wrote, `paths` says what. `stop`: the agent is about to end its turn. `idle`: it has; the call stays open until there
 * is something to wake it for. `end`: the session ends.
 */
export const MOMENTS = ['start', 'prompt', 'before-edit', 'after-tool', 'stop', 'idle', 'end'] as const
export type Moment = (typeof MOMENTS)[number]

export interface HookCall {
  /** The agent's type, as in its peer's listing: `codex`. */
  readonly agent: string
  readonly moment: Moment
  /** Files that are about to be written, or have been; relative ones to `cwd`. */
  readonly paths?: readonly string[]
  /** Where the agent stands. Default: the session's project. */
  readonly cwd?: string
  /** A subagent's hook: it answers to the agent, which is the one to read mail. */
  readonly isSubagent?: boolean
  /** The first edit of a free path takes its lock, and the end of the turn gives it back. */
  readonly autoLock?: boolean
}

/** Each field only where there is something to say. Text is for the model, and quotes what comes from peers. */
export interface HookAnswer {
  /** `before-edit`: the edit must not happen; who holds the path, why, until when, and what to do. */
  readonly deny?: string
  /** To be added to what the model knows. */
  readonly context?: string
  /** `stop`: why the agent should go on. */
  readonly hold?: string
  /** `idle`: what to wake the agent with. */
  readonly wake?: string
}

/** How the session's own process answers. What `afterAnswer` is given is told whether the answer has reached the agent. */
export type HookHandler = (
  call: HookCall,
  on: { readonly signal: AbortSignal; afterAnswer(run: (left: boolean) => Promise<void>): void },
) => Promise<HookAnswer>
