import type { Desk } from '../../command.ts'
import { START } from './controls.ts'
import { openConnection, snapshot } from './feed.ts'
import type { Size } from './layout.ts'
import { apply, empty } from './model.ts'
import { view } from './view.ts'

/** One screen as text, as many lines as it has rows. Nobody presses keys here: their line stays empty. */
export async function print(desk: Desk, size: Size): Promise<string> {
  await using connection = await openConnection(desk)
  let model = empty(desk.layout.dataDir)
  await snapshot(connection, (change) => {
    model = apply(model, change)
  })
  const lines = view(model, START, size, Date.now()).map((line) =>
    line
      .map(({ text }) => text)
      .join('')
      .trimEnd(),
  )
  return `${[...lines.slice(0, -1), ''].join('\n')}\n`
}
