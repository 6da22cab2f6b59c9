import { Argument } from 'commander'
import { type Define, type Desk, examples } from '../command.ts'
import { adapters } from '../hooks/all.ts'
import { runHook } from '../hooks/run.ts'

interface Options {
  autoLock?: boolean
  failClosed?: boolean
}

const events = Object.entries(adapters)
  .map(([agent, adapter]) => `  ${agent.padEnd(13)}${Object.keys(adapter.events).join(' ')}`)
  .map((line) =>
    line.replace(/(.{1,78})(?: |$)/g, (_, part: string, at: number) => (at === 0 ? part : `\n${' '.repeat(15)}${part}`)),
  )
  .join('\n')

export const define: Define = (command, handle) => {
  command
    .addArgument(new Argument('<agent>', 'whose hook it is').choices(Object.keys(adapters)))
    .argument('<event>', "the agent's own name of the event, as listed below")
    .option('--auto-lock', 'the first edit of a free file locks it, the end of the turn unlocks it')
    .option('--fail-closed', 'an edit that could not be checked is refused')
    .addHelpText(
      'after',
      `\nFor the hooks in an agent's settings, as \`slm-mesh setup\` writes them. It reads
the event's JSON from standard input, asks the session's own MCP server, and
answers in the agent's form. On any trouble the agent just goes on. Events:

${events}\n${examples(
        'slm-mesh hook codex PreToolUse --auto-lock',
        'slm-mesh hook claude-code PreToolUse --fail-closed',
        'echo \'{"hook_event_name":"stop"}\' | slm-mesh hook cursor stop',
      )}`,
    )
    .action(handle(hook))
}

/** Most calls come by the short way (`hooks/direct.ts`); this one serves options that stand before the command. */
function hook(desk: Desk, { autoLock = false, failClosed = false }: Options, agent: string, event: string): Promise<number> {
  return runHook(
    { agent, event, autoLock, failClosed, dataDir: desk.config.dataDir },
    {
      env: desk.env,
      cwd: desk.cwd,
      input: () => desk.input(),
      out: async (text) => {
        desk.terminal.out(text)
        return true
      },
      err: async (text) => {
        desk.terminal.err(text)
        return true
      },
    },
  )
}
