import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { Agent, ToolError } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { type SmallDisk, sizeLimit, smallFileSystem } from '../support/full-disk.ts'
import { servingLeader } from '../support/leader-watch.ts'
import { patience, scaled } from '../support/scale.ts'
import { Sqlite } from '../support/sqlite.ts'

const CYCLES = scaled(3, 100)
const SENDS = 10
const TEXT = 'x'.repeat(8_000)
/** Which of the texts that was: whole, they would not fit a report of what differs. */
const numberOf = (text: string) => Number.parseInt(text, 10)

let cycles = 0
let acknowledged = 0
let refused = 0
let lost = 0
let duplicated = 0
const on = new Set<string>()
afterAll(() =>
  report(11, {
    load: 'sends, sets and locks',
    injected: cycles,
    acknowledged,
    lost,
    duplicated,
    more: `${refused} refused (${[...on].join('; ')})`,
  }),
)

/**
 * How a call is refused in the end: the WAL may still have room for a write or two, or have begun anew in the room that it
 * has. What is accepted until then is acknowledged like any other.
 */
async function refusal(call: () => Promise<unknown>): Promise<ToolError> {
  const error = await eventually(() =>
    call().then(
      () => undefined,
      (error: unknown) => error,
    ),
  )
  if (!(error instanceof ToolError)) throw error
  refused++
  return error
}

/**
 * Room for a WAL as large as it grows, and for what each cycle stores: as many texts as that WAL holds are accepted after the
 * filler has taken the rest. A disk that is full of these would stay full when the filler has gone.
 */
const MEGABYTES = 16 + CYCLES

/** The ways of having no room. Where a machine does not offer one, the run says so and why. */
const disks: Record<string, () => SmallDisk | { refused: string }> = {
  'a small file system': () => smallFileSystem(MEGABYTES),
  'a limit on file sizes': sizeLimit,
}

function prepare(name: string): SmallDisk | undefined {
  const disk = disks[name]!()
  if ('refused' in disk) {
    console.warn(`fault 11: this machine does not offer ${name}: ${disk.refused}`)
    return undefined
  }
  on.add(disk.what)
  return disk
}

test('at least one way of having no room can be tried here', () => {
  const offered = Object.keys(disks).filter((name) => !('refused' in disks[name]!()))
  expect(offered).not.toEqual([])
})

describe.each(Object.keys(disks))('on %s', (name) => {
  test('a full disk refuses writes with a reason, lets reads go on, and when there is room everything acknowledged is there', {
    timeout: patience(60_000),
  }, async () => {
    const disk = prepare(name)
    if (!disk) return
    await using sender = await Agent.start({ dir: disk.dir, cwd: '/', env: { SLM_MESH_RATE: '0' } })
    await using receiver = await Agent.start({ dir: disk.dir, cwd: '/', env: { SLM_MESH_RATE: '0' } })
    const agents = [sender, receiver]
    const to = await receiver.name()
    await sender.call('state.set', { key: 'plan', value: 'one' })
    const sent = new Set<number>()
    const read: number[] = []
    let number = 0
    const send = async () => {
      const text = `${++number} ${TEXT}`
      await sender.call('message.send', { to, message: text })
      sent.add(numberOf(text))
      acknowledged++
    }
    const readAll = async () => {
      // What cannot be noted as seen is shown again and again: more than was sent is enough to fail.
      while (read.length <= sent.size) {
        const { messages } = await receiver.call('message.inbox', { limit: 100 })
        if (messages.length === 0) return
        read.push(...messages.map((message) => numberOf(message.payload)))
      }
    }

    /** The version of the last `last` that was acknowledged. */
    let last = 0
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      let held = false
      for (let i = 0; i < SENDS; i++) await send()
      disk.fill(agents)
      const errors = [
        await refusal(send),
        await refusal(() =>
          sender.call('state.set', { key: 'last', value: `${++number} ${TEXT}` }).then(({ entry }) => (last = entry.version)),
        ),
        await refusal(() =>
          receiver.call('lock.acquire', { filePath: '/tmp/last', reason: TEXT.slice(0, 500) }).then(() => (held = true)),
        ),
        await refusal(send),
      ]
      for (const error of errors) {
        expect([error.code, error.message]).toEqual([disk.code, expect.stringContaining(join(disk.dir, 'mesh.db'))])
        if (disk.code === 'disk_full') expect(error.message).toContain('free some space')
      }
      // Reading goes on, and shows the mesh as it was acknowledged.
      expect((await receiver.call('state.get', { key: 'plan' })).entry.value).toBe('one')
      expect((await sender.call('lock.query', {})).locks).toHaveLength(held ? 1 : 0)
      if (last > 0) expect((await sender.call('state.get', { key: 'last' })).entry.version).toBe(last)
      expect((await sender.call('peer.list', {})).peers).toHaveLength(1)
      const { messages } = await receiver.call('message.inbox', { limit: 5 })
      expect(messages).toHaveLength(5)
      // The next answer waits until it is known whether the last could be noted: it could not.
      await receiver.call('peer.list', {})

      disk.empty(agents)
      if (held) await receiver.call('lock.release', { filePath: '/tmp/last' })
      // What was shown while that could not be noted is shown again, never swallowed.
      await readAll()
      expect(new Set(read)).toEqual(sent)
      expect(read).toHaveLength(sent.size)
      await send()
      await receiver.call('lock.acquire', { filePath: '/tmp/room' })
      await receiver.call('lock.release', { filePath: '/tmp/room' })
      await readAll()
      cycles++
    }
    lost += [...sent].filter((text) => !read.includes(text)).length
    duplicated += read.length - new Set(read).size
    const db = new Sqlite(join(disk.dir, 'mesh.db'), { readonly: true, timeout: 5_000 })
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    expect(db.prepare('SELECT count(*) FROM messages').pluck().get()).toBe(sent.size)
    db.close()
  })

  test('a leader that dies on a full disk is replaced when there is room, and no file is left empty', async () => {
    const disk = prepare(name)
    if (!disk) return
    await using first = await Agent.start({ dir: disk.dir, cwd: '/' })
    await using second = await Agent.start({ dir: disk.dir, cwd: '/' })
    const before = await servingLeader(second)
    disk.fill([first, second])
    await eventually(async () => {
      const error = await second.call('state.set', { key: 'fill', value: 'x' }).catch((error: unknown) => error)
      return error instanceof ToolError
    })
    await first.kill()
    await eventually(() => second.stderr.includes('election round failed'))
    expect((await second.call('mesh.status', {})).self.status).toBe('active')

    disk.empty([second])
    const after = await servingLeader(second, { after: before.term })
    expect(after.pid).toBe(second.pid)
    for (const file of ['leader.token', 'port']) expect(statSync(join(disk.dir, file)).size).toBeGreaterThan(0)
    expect(Number(readFileSync(join(disk.dir, 'port'), 'utf8'))).toBe(after.port)
  })
})

test('a session that starts on a full disk is told so, and joins when there is room', async () => {
  const disk = prepare('a small file system')
  if (!disk) return
  {
    await using early = await Agent.start({ dir: disk.dir, cwd: '/' })
    await early.call('state.set', { key: 'plan', value: 'kept' })
  }
  disk.fill([])
  await using late = await Agent.connect({ dir: disk.dir, cwd: '/' })
  expect(await refusal(() => late.call('mesh.status', {}))).toMatchObject({ code: 'disk_full' })
  disk.empty([])
  expect((await late.call('state.get', { key: 'plan' })).entry.value).toBe('kept')
})
