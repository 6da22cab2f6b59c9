import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Agent, startMesh } from '../support/agent.ts'
import { meshEnv } from '../support/data-dir.ts'
import { inFile, integrity } from '../support/mesh-file.ts'
import { run } from '../support/run.ts'
import { patience, scaled } from '../support/scale.ts'

const ROUNDS = scaled(3, 100)

test(
  'nobody notices clean: sessions send, lock and restart, and none of them fails, leaves or loses a lock',
  async () => {
    await using mesh = await startMesh(3)
    const { dir, agents } = mesh
    const [sender, reader, locker] = agents as [Agent, Agent, Agent]
    const kept = join(dir, 'kept-for-the-whole-test')
    const { lock } = await locker.call('lock.acquire', { filePath: kept, ttlMinutes: 60 })
    const names = { reader: await reader.name() }
    const ids = await Promise.all(agents.map(async (agent) => (await agent.call('mesh.status', {})).self.id))
    let cleaning = true
    const counts = { sent: 0, read: 0, locked: 0, restarted: 0 }

    const whileCleaning = async (act: () => Promise<void>) => {
      while (cleaning) await act()
    }
    const work = [
      whileCleaning(async () => {
        await sender.call('message.send', { to: names.reader, message: `message ${counts.sent}` })
        counts.sent++
      }),
      whileCleaning(async () => {
        counts.read += (await reader.call('message.inbox', { limit: 100, wait: 1 })).messages.length
      }),
      whileCleaning(async () => {
        const filePath = join(dir, `file-${counts.locked % 5}`)
        await locker.call('lock.acquire', { filePath })
        await locker.call('lock.release', { filePath })
        counts.locked++
      }),
      whileCleaning(async () => {
        // By turns it leaves as it should and is killed.
        await using guest = await Agent.start({ dir, client: 'guest' })
        await guest.call('message.send', { to: names.reader, message: 'hello' })
        counts.sent++
        if (counts.restarted++ % 2 === 1) await guest.kill()
      }),
    ]

    const cleaned: string[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const { code, out, err } = await run(['clean', '--json'], meshEnv(dir))
      expect({ code, err }).toEqual({ code: 0, err: '' })
      cleaned.push(...JSON.parse(out).done.map((deed: { kind: string; name?: string }) => deed.kind))
    }
    cleaning = false
    await Promise.all(work)

    // Only what a killed guest left may have been cleaned up, and only where nobody else was faster.
    for (const kind of cleaned) expect(['peer', 'socket']).toContain(kind)
    for (let rest = 100; rest === 100; counts.read += rest)
      rest = (await reader.call('message.inbox', { limit: 100 })).messages.length
    expect(counts.read).toBe(counts.sent)
    const left = inFile(dir, (file) =>
      file.prepare<[], { id: string }>(`SELECT emitted_by AS id FROM events WHERE type = 'peer_left'`).all(),
    )
    for (const id of ids) expect(left).not.toContainEqual({ id })
    expect((await sender.call('lock.query', { filePath: kept })).locks).toMatchObject([{ token: lock?.token }])
    expect(await Promise.all(agents.map(async (agent) => (await agent.call('mesh.status', {})).self.id))).toEqual(ids)
    expect(integrity(dir)).toBe('ok')
    console.info(`clean ran ${ROUNDS} times beside ${JSON.stringify(counts)}, and removed ${cleaned.length} leftovers`)
  },
  patience(120_000),
)
