import type { Adapter } from './adapter.ts'
import { antigravity } from './antigravity.ts'
import { claudeCode } from './claude-code.ts'
import { codex } from './codex.ts'
import { copilotCli } from './copilot-cli.ts'
import { cursor } from './cursor.ts'
import { geminiCli } from './gemini-cli.ts'
import { vscode } from './vscode.ts'
import { windsurf } from './windsurf.ts'

/** The agents that call us by a command, by the names that the command takes. */
export const adapters: Readonly<Record<string, Adapter>> = {
  'claude-code': claudeCode,
  codex,
  cursor,
  'gemini-cli': geminiCli,
  windsurf,
  vscode,
  'copilot-cli': copilotCli,
  antigravity,
}

/** The agent's own name of an event, which may also be asked for by its moment (`stop`); else what was asked for. */
export function eventOf({ events }: Adapter, asked: string): string {
  const word = asked.toLowerCase()
  const [name] =
    Object.entries(events).find(([event]) => event.toLowerCase() === word) ??
    Object.entries(events).find(([, moment]) => moment === word) ??
    []
  return name ?? asked
}
