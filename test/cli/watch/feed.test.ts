import { expect, test } from 'vitest'
import type { Desk } from '../../../src/cli/command.ts'
import { feed, openConnection } from '../../../src/cli/commands/watch/feed.ts'
import type { Change } from '../../../src/cli/commands/watch/model.ts'
import { readConfig } from '../../../src/core/config.ts'
import { layoutOf } from '../../../src/core/paths.ts'
import { companion } from '../../support/companion.ts'
import { meshEnv } from '../../support/data-dir.ts'
import { eventually } from '../../support/eventually.ts'

test('a leader who is replaced while the screen takes its first look is replaced on the screen, too', async () => {
  await using agent = await companion()
  await eventually(async () => Boolean((await agent.call('mesh.status', {})).leader?.port))
  const stop = new AbortController()
  const config = readConfig(meshEnv(agent.dir))
  // What of a desk a feed uses.
  const desk = { config, layout: layoutOf(config.dataDir), cwd: agent.dir, signal: stop.signal } as unknown as Desk
  const first = await openConnection(desk)
  // The row as it stood before the election whose event is in the history already.
  let looks = 0
  const { row } = first.mesh
  const before = () => {
    const now = row()
    return looks++ === 0 && now.peer ? { ...now, term: now.term - 1, peer: { ...now.peer, name: 'who-led-before' } } : now
  }
  const changes: Change[] = []
  const fed = feed(desk, { ...first, mesh: { ...first.mesh, row: before } }, (change) => void changes.push(change))
  try {
    const shown = () =>
      changes.flatMap((change) => (change.kind === 'link' && change.link.via !== 'nothing' ? [change.link.leader?.name] : []))
    await eventually(() => shown().length > 1)
    expect(shown()).toEqual(['who-led-before', await agent.name()])
  } finally {
    stop.abort()
    await fed
  }
})
