import { constants } from 'node:os'
import { describe, expect, test } from 'vitest'
import { type Agent, startMesh } from '../support/agent.ts'
import { type Companion, companion, companions } from '../support/companion.ts'
import { dataDir, meshEnv } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { run } from '../support/run.ts'
import { Screen } from '../support/screen.ts'
import { shared } from '../support/shared.ts'

const open = (dir: string, env: Record<string, string> = {}, size?: { columns: number; rows: number }) =>
  new Screen(['watch'], { ...meshEnv(dir), ...env }, size)

/** The terminal as it was before: the normal screen, its cursor, wrapping and modes. */
async function isLeftClean(screen: Screen, code: number): Promise<void> {
  expect(await screen.exited).toEqual({ code, modes: { echo: true, lines: true } })
  await eventually(() => screen.buffer === 'normal')
  expect(screen.text().trim()).toBe('')
  const ends = (on: string, off: string) => screen.raw.lastIndexOf(on) < screen.raw.lastIndexOf(off)
  expect(ends('\u001b[?1049h', '\u001b[?1049l')).toBe(true)
  expect(ends('\u001b[?25l', '\u001b[?25h')).toBe(true)
  expect(ends('\u001b[?7l', '\u001b[?7h')).toBe(true)
  expect(ends('\u001b[?2026h', '\u001b[?2026l')).toBe(true)
}

/** A mesh of one session, for all that only look at it. */
const alone = shared(() => companion())

describe('while agents work', () => {
  test('who is here, their mail, locks and events appear as they happen', async () => {
    await using mesh = await companions(2)
    const [one, two] = mesh.agents as [Companion, Companion]
    const names = [await one.name(), await two.name()]
    await using screen = open(mesh.dir)
    await screen.shows('2 active')
    for (const name of names) await screen.shows(name)

    await one.call('peer.describe', { summary: 'takes the parser apart' })
    await screen.shows(/takes the par/)
    const { messageId } = await one.call('message.send', { to: names[1]!, message: 'please look\nat this' })
    await screen.shows(new RegExp(`${names[0]} +→ ${names[1]} +(queued|notified) +please look …`))
    await screen.shows('1 unread')
    await two.call('lock.acquire', { filePath: '/tmp/a-file.ts', reason: 'for a moment', ttlMinutes: 2 })
    await screen.shows(new RegExp(`(2:00|1:5\\d) +${names[1]} +/tmp/a-file.ts +for a moment`))
    await screen.shows(/file_locked +\S+ +\/tmp\/a-file.ts: for a moment/)

    // Nobody was shown the mail by our looking.
    expect((await two.call('message.inbox', {})).messages.map(({ id }) => id)).toEqual([messageId])
    await screen.shows(/ seen +please look …/)
    await one.call('message.send', { to: names[1]!, message: 'and \u001b[2J\u001b]0;title\u0007this', priority: 'urgent' })
    await screen.shows(/! and \\u001b\[2J/)
    expect(screen.raw).not.toContain('\u001b]0;')
    await two.call('lock.release', { filePath: '/tmp/a-file.ts' })
    await screen.shows('Nothing is locked.')

    const now = () => /(\d\d:\d\d:\d\d) $/.exec(screen.lines()[0] ?? '')?.[1]
    const then = now()
    await eventually(() => now() !== then)
    screen.type('q')
    await isLeftClean(screen, 0)
  })

  test('mail to a person at a shell is shown and stays unread', async () => {
    await using agent = await companion()
    await using screen = open(agent.dir)
    await screen.shows('1 active')
    await agent.call('message.send', { to: 'cli', message: 'for the person' })
    await screen.shows(/→ cli +queued +for the person/)
    // It looks again a moment later: what it has looked at is as it was.
    await agent.call('message.send', { to: 'cli', message: 'another one' })
    await screen.shows(/→ cli +queued +another one/)
    expect(screen.text()).toMatch(/→ cli +queued +for the person/)
  })

  test('the leader is killed: the screen goes on with the next one, and without any', async () => {
    await using mesh = await startMesh(2)
    const [first, second] = mesh.agents as [Agent, Agent]
    const { leader } = await first.call('mesh.status', {})
    const [led, follows] = leader?.pid === first.pid ? [first, second] : [second, first]
    const next = await follows.name()
    await using screen = open(mesh.dir)
    await screen.shows(`★ ${await led.name()} leads term ${leader?.term}`)
    await led.kill()
    await screen.shows(`★ ${next} leads term ${leader!.term + 1}`)
    await screen.shows(/1 active · 1 away/)
    await follows.kill()
    await screen.shows(`Nobody leads: the file answers · ${next} led last`)
    await screen.shows('2 away')
    // Whoever comes is seen, too.
    await using third = await companion({ dir: mesh.dir, client: 'late-comer' })
    await screen.shows('late-comer')
    await screen.shows(`leads term ${leader!.term + 2}`)
    expect(third.pid).toBeGreaterThan(0)
    screen.type('\u0003')
    await isLeftClean(screen, 0)
  })
})

describe('the screen', () => {
  test('follows the terminal from 80×24 to 120×40 and back, and says when it is too small', async () => {
    const agent = alone()
    await using screen = open(agent.dir)
    await screen.shows('1 active')
    const fits = (rows: number) =>
      eventually(() => {
        const lines = screen.lines()
        return lines.length === rows && /^ SLM Mesh .*\d\d $/.test(lines[0] ?? '') && /^ q quit/.test(lines.at(-1) ?? '')
      })
    await fits(24)
    screen.resize(120, 40)
    await fits(40)
    screen.resize(80, 24)
    await fits(24)
    screen.resize(30, 5)
    await screen.shows('this is 30×5')
    for (const columns of [81, 110, 95, 200, 60, 80]) screen.resize(columns, 24)
    await fits(24)
    screen.type('\u001b')
    await isLeftClean(screen, 0)
  })

  test('keys move, pause, explain; the keyboard does not echo meanwhile', async () => {
    const agent = alone()
    await using screen = open(agent.dir)
    await screen.shows('1 active')
    screen.type('\t')
    await screen.shows(/━ 2 Mail/)
    expect(screen.modes).toEqual({ echo: false, lines: false })
    screen.type('?')
    await screen.shows('scroll the pane')
    screen.type('?')
    await screen.shows(/━ 2 Mail/)
    screen.type('p')
    await screen.shows('PAUSED')
    screen.type('\u001b[')
    screen.type('Zp')
    await screen.shows(/━ 1 Peers/)
    await screen.shows(/\d\d $/m)
  })

  test('has no colour with NO_COLOR, and some without', async () => {
    const agent = alone()
    for (const env of [{}, { NO_COLOR: '1' }]) {
      await using screen = open(agent.dir, env)
      await screen.shows('1 active')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are looked for
      expect(/\u001b\[[1-9]\d*m/.test(screen.raw)).toBe(!('NO_COLOR' in env))
    }
  })

  test('is left clean when the process is asked to end', async () => {
    const agent = alone()
    for (const signal of [constants.signals.SIGTERM, constants.signals.SIGINT]) {
      await using screen = open(agent.dir)
      await screen.shows('1 active')
      screen.signal(signal)
      await isLeftClean(screen, 130)
    }
  })

  test('is left clean when the program fails', async () => {
    const agent = alone()
    await using screen = open(agent.dir, {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent("process.on('SIGUSR2', () => { throw new Error('a bug') })")}`,
    })
    await screen.shows('1 active')
    screen.signal(constants.signals.SIGUSR2)
    expect(await screen.exited).toMatchObject({ modes: { echo: true, lines: true } })
    await screen.shows('a bug')
    expect(screen.buffer).toBe('normal')
    expect(screen.raw.lastIndexOf('\u001b[?25h')).toBeGreaterThan(screen.raw.lastIndexOf('\u001b[?25l'))
  })

  test('goes with its terminal', async () => {
    const agent = alone()
    await using screen = open(agent.dir)
    await screen.shows('1 active')
    screen.hangUp()
    expect((await screen.exited).code).toBe(-constants.signals.SIGHUP)
  })
})

describe('without a terminal', () => {
  test('it is refused, as are --json and a size for a live screen', async () => {
    const agent = alone()
    const refused: [string[], RegExp][] = [
      [['watch'], /needs a terminal.*--once/],
      [['watch', '--json'], /events --follow --json/],
      [['watch', '--size', '90x30'], /--once/],
      [['watch', '--once', '--size', 'large'], /120x40/],
    ]
    for (const [args, words] of refused) {
      const { code, err } = await run(args, meshEnv(agent.dir))
      expect({ code, lines: err.trim().split('\n').length }).toEqual({ code: 2, lines: 1 })
      expect(err).toMatch(words)
    }
  })

  test('--once prints one screen as plain text, of the wanted size', async () => {
    const agent = alone()
    await agent.call('message.send', { to: await agent.name(), message: 'a note' })
    const { code, out, err } = await run(['watch', '--once', '--size', '100x30'], meshEnv(agent.dir))
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const lines = out.split('\n')
    expect(lines.length).toBe(31)
    expect(out).not.toContain('\u001b')
    for (const words of [`★ ${await agent.name()} leads`, '1 active', 'a note', 'peer_joined']) expect(out).toContain(words)
    expect((await run(['watch', '--once'], meshEnv(agent.dir))).out.split('\n').length).toBe(25)
  })

  test('where there is no mesh yet, it says so', async () => {
    const dir = dataDir()
    const { code, err } = await run(['watch', '--once'], meshEnv(dir))
    expect(code).toBe(3)
    expect(err).toMatch(/no mesh yet in/)
    await using screen = open(dir)
    expect(await screen.exited).toMatchObject({ code: 3, modes: { echo: true, lines: true } })
    expect(screen.raw).not.toContain('\u001b[?1049h')
  })
})
