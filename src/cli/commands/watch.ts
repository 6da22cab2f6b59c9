import { type Define, type Desk, examples, misused } from '../command.ts'
import { EXIT_INTERRUPTED, EXIT_OK } from '../failures.ts'

interface Options {
  once?: boolean
  size?: string
}

export const define: Define = (command, handle) => {
  command
    .option('--once', 'print one screen as plain text and end')
    .option('--size <columns>x<rows>', "with --once: that screen's size (default: the terminal's)")
    .addHelpText(
      'after',
      `${examples('slm-mesh watch', 'slm-mesh watch --once --size 120x40')}

Keys: q quits, Tab moves between peers, mail, locks and events, arrows scroll,
z gives a pane the whole screen, p pauses, ? shows all.
Nothing is taken out of the mailboxes that it looks into.`,
    )
    .action(handle(watch))
}

async function watch(desk: Desk, { once = false, size }: Options): Promise<number> {
  if (desk.json) throw misused('watch is a screen for people; for programs there is: slm-mesh events --follow --json')
  if (size !== undefined && !once) throw misused('--size goes with --once: a live screen is as large as its terminal')
  const wanted = size === undefined ? desk.terminal.size() : sizeOf(size)
  const { keys } = desk.terminal
  if (!once && (!keys || desk.env.TERM === 'dumb'))
    throw misused('watch needs a terminal and a keyboard; --once prints one screen as text')

  if (once || !keys) {
    const { print } = await import('./watch/print.ts')
    desk.terminal.out(await print(desk, wanted))
    return EXIT_OK
  }
  const { show } = await import('./watch/show.ts')
  await show(desk, keys)
  return desk.signal.aborted ? EXIT_INTERRUPTED : EXIT_OK
}

function sizeOf(text: string) {
  const [, columns, rows] = /^(\d{1,3})x(\d{1,3})$/.exec(text) ?? []
  if (!columns || !rows || Number(columns) === 0 || Number(rows) === 0)
    throw misused('--size must be columns and rows, such as 120x40')
  return { columns: Number(columns), rows: Number(rows) }
}
