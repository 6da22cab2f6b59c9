import { existsSync } from 'node:fs'
import { isRunnable } from '../runnable.ts'
import type { Agent } from './agent.ts'
import { antigravity } from './antigravity.ts'
import { claudeCode } from './claude-code.ts'
import { claudeDesktop } from './claude-desktop.ts'
import { cline } from './cline.ts'
import { codex } from './codex.ts'
import { copilotCli } from './copilot-cli.ts'
import { cursor } from './cursor.ts'
import { geminiCli } from './gemini-cli.ts'
import { goose } from './goose.ts'
import type { Home } from './home.ts'
import { opencode } from './opencode.ts'
import { vscode } from './vscode.ts'
import { windsurf } from './windsurf.ts'
import { zed } from './zed.ts'

/** All agents that we know how to configure: the one place that says where each keeps what. */
export const agents: readonly Agent[] = [
  claudeCode,
  claudeDesktop,
  codex,
  cursor,
  windsurf,
  vscode,
  geminiCli,
  antigravity,
  copilotCli,
  zed,
  cline,
  opencode,
  goose,
]

/** Whether an agent is on this machine: a directory or a list of servers of its own, or a program. */
export const isThere = ({ dirs, servers, programs }: Agent, home: Home): boolean =>
  [...dirs(home), ...servers.user(home)].some((path) => existsSync(path)) ||
  (programs ?? []).some((program) => isRunnable(program, home))
