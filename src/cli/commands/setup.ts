import { Argument } from 'commander'
import { ask } from '../ask.ts'
import { type Define, type Desk, examples, misused } from '../command.ts'
import { EXIT_ABSENT, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from '../failures.ts'
import type { Agent, Wanted } from '../setup/agent.ts'
import { agents, isThere } from '../setup/agents.ts'
import { homeOf } from '../setup/home.ts'
import { Journal } from '../setup/journal.ts'
import { type Plan, planRemoval, planSetup, refusalOf, type Site } from '../setup/plan.ts'
import { type Outcome, outcomeOf, showOutcome, showPlan, summary } from '../setup/show.ts'
import { startOf } from '../setup/start.ts'

interface Options {
  yes?: boolean
  dryRun?: boolean
  remove?: boolean
  project?: boolean
  hooks: boolean
  autoLock?: boolean
  guard?: boolean
  command?: string
}

export const define: Define = (command, handle) => {
  command
    .addArgument(new Argument('[agent...]', 'which; default: all that are found').choices(agents.map(({ name }) => name)))
    .option('-y, --yes', 'write without asking')
    .option('-n, --dry-run', 'show what would be written, and write nothing')
    .option('--remove', 'take out again what set-up has written')
    .option('--project', "the current project's files instead of your own")
    .option('--no-hooks', 'only the MCP server: mail waits, and locks stop no edit')
    .option('--auto-lock', 'the first edit of a free file takes its lock')
    .option('--guard', 'an edit is stopped, too, when the mesh cannot be asked')
    .option('--command <words>', 'how agents start slm-mesh (default: as it was now)')
    .addHelpText(
      'after',
      `\nEach agent's configuration keeps its comments, its order and all that others\nhave written. What stood there before is kept until --remove brings it back.\n${examples('slm-mesh setup', 'slm-mesh setup claude-code codex --yes', 'slm-mesh setup --dry-run', 'slm-mesh setup cursor --project', 'slm-mesh setup --remove')}`,
    )
    .action(handle(setup))
}

async function setup(desk: Desk, options: Options, names: string[]): Promise<number> {
  if (options.remove && (options.autoLock || options.guard || !options.hooks || options.command !== undefined))
    throw misused('--remove takes out all of it: --no-hooks, --auto-lock, --guard and --command do not go with it')
  const { env, cwd, layout, terminal } = desk
  const platform = process.platform
  const home = { env, cwd, platform, home: homeOf(env, platform) }
  const site: Site = { home, kind: options.project ? 'project' : 'user', journal: new Journal(layout.dataDir) }
  const wanted: Wanted = {
    start: startOf({ program: desk.program, env, platform }, options.command),
    platform,
    hooks: options.hooks,
    autoLock: options.autoLock ?? false,
    guard: options.guard ?? false,
  }
  const found = chooseAgents(names, (agent) => options.remove || isThere(agent, home))
  // Back the way that was taken: some share a directory.
  const chosen = options.remove ? found.toReversed() : found
  if (chosen.length === 0) {
    desk.answer({ agents: [] }, () => 'No agent that we know is on this machine. Name one to set it up all the same.')
    return EXIT_ABSENT
  }
  const isAsking = !options.yes && !options.dryRun && !desk.json && terminal.keys !== undefined && terminal.isTty
  const outcomes: Outcome[] = []
  for (const agent of chosen) {
    const plan = (options.remove ? planRemoval : planSetup)(agent, site, wanted)
    const about = { site, wanted, remove: options.remove ?? false }
    // Removal goes through all of them: those that hold nothing of ours are no news.
    if (options.remove && names.length === 0 && plan.changes.length + plan.refused.length === 0) continue
    if (isAsking) terminal.out(`${showPlan(terminal, plan)}\n`)
    const isWritten = plan.changes.length > 0 && (options.yes || (isAsking && (await isWanted(desk, plan, about.remove))))
    const outcome = outcomeOf(isWritten ? apply(plan) : plan, isWritten ?? false, about)
    if (isAsking) terminal.out(`${showOutcome(terminal, outcome, about)}\n\n`)
    outcomes.push(outcome)
  }
  return finish(desk, options, outcomes, isAsking)
}

const chooseAgents = (names: readonly string[], isFound: (agent: Agent) => boolean) =>
  agents.filter((agent) => (names.length > 0 ? names.includes(agent.name) : isFound(agent)))

const isWanted = (desk: Desk, { agent }: Plan, remove: boolean) =>
  ask(desk, remove ? `Take slm-mesh out of ${agent.title}?` : `Set up ${agent.title}?`, '--yes', true)

/** Writes; what fails at one file does not keep the others from being written. */
function apply(plan: Plan): Plan {
  const refused = [...plan.refused]
  const changes = plan.changes.filter(({ file, apply }) => {
    try {
      apply()
      return true
    } catch (error) {
      refused.push(refusalOf(file, error))
      return false
    }
  })
  return { ...plan, changes, refused }
}

function finish(desk: Desk, options: Options, outcomes: readonly Outcome[], wasAsked: boolean): number {
  const refused = outcomes.filter(({ status }) => status === 'refused')
  const waits = outcomes.filter(({ status }) => status === 'planned')
  const isUnanswered = waits.length > 0 && !options.dryRun && !options.yes && !wasAsked
  const about = { isRemoval: options.remove ?? false, isUnanswered }
  desk.answer({ ok: refused.length === 0 && !isUnanswered, agents: outcomes.map(({ plan: _, ...rest }) => rest) }, () =>
    wasAsked
      ? summary(desk.terminal, outcomes, about)
      : [
          ...outcomes.map((outcome) => showPlanAndOutcome(desk, outcome, about.isRemoval)),
          summary(desk.terminal, outcomes, about),
        ].join('\n\n'),
  )
  for (const { refusals } of refused)
    for (const { file, line, why } of refusals)
      desk.terminal.err(`slm-mesh: ${file}${line === undefined ? '' : `, line ${line}`}: ${why}\n`)
  if (isUnanswered) desk.terminal.err('slm-mesh: nothing was written: nobody can be asked here, and --yes says yes\n')
  return refused.length > 0 ? EXIT_FAILED : isUnanswered ? EXIT_USAGE : EXIT_OK
}

const showPlanAndOutcome = (desk: Desk, outcome: Outcome, remove: boolean) =>
  `${showPlan(desk.terminal, outcome.plan)}\n${showOutcome(desk.terminal, outcome, { remove })}`
