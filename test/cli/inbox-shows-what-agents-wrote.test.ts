import stringWidth from 'string-width'
import { expect, test } from 'vitest'
import { type Companion, companion, companions } from '../support/companion.ts'
import { dataDir } from '../support/data-dir.ts'
import { documentOf, HOSTILE, OBEYED, screenIn, shellIn } from '../support/shell.ts'

test('what agents wrote to cli is shown once, whole, and then counts as read', async () => {
  await using agent = await companion({ client: 'claude-code' })
  const shell = shellIn(agent.dir)
  await agent.call('message.send', { to: 'cli', message: 'two lines\n\tof text', priority: 'urgent' })
  const { code, out } = await shell(['inbox'])
  expect(code).toBe(0)
  const name = await agent.name()
  expect(out).toMatch(
    new RegExp(
      `^${name} \\(claude-code\\) → cli · \\d+ s ago · urgent · \\w+ · m_[0-9a-z]{19}\n    two lines\n        of text\n$`,
    ),
  )
  expect(await shell(['inbox'])).toMatchObject({ code: 0, out: '' })
  expect((await agent.call('message.inbox', { filter: 'sent' })).messages).toMatchObject([{ state: 'seen' }])
  expect(documentOf(await shell(['inbox', '--filter', 'all', '--json'])).messages).toMatchObject([{ state: 'seen' }])
})

test('the document has the message as it was sent', async () => {
  await using agent = await companion()
  await agent.call('message.send', { to: 'cli', message: HOSTILE })
  const ran = await shellIn(agent.dir)(['inbox', '--json'])
  expect(ran.out).not.toMatch(OBEYED)
  expect(documentOf(ran)).toMatchObject({
    ok: true,
    mailbox: 'cli',
    more: false,
    messages: [{ payload: HOSTILE, to: { id: 'cli' } }],
  })
})

test('a session’s mailbox is only looked into: its mail stays unread', async () => {
  await using mesh = await companions(2)
  const [writer, reader] = mesh.agents as [Companion, Companion]
  const name = await reader.name()
  await writer.call('message.send', { to: name, message: 'for your eyes' })
  const shell = shellIn(mesh.dir)
  for (let i = 0; i < 2; i++)
    expect(documentOf(await shell(['inbox', name, '--json']))).toMatchObject({
      mailbox: name,
      messages: [{ payload: 'for your eyes' }],
    })
  expect((await reader.call('message.inbox', {})).messages).toMatchObject([{ payload: 'for your eyes' }])
  expect(documentOf(await shell(['inbox', name, '--json'])).messages).toEqual([])
})

test('mail is chosen by sender, thread and number, and what is left is said', async () => {
  await using mesh = await companions(2)
  const [a, b] = mesh.agents as [Companion, Companion]
  const first = await a.call('message.send', { to: 'cli', message: '1 of a' })
  await b.call('message.send', { to: 'cli', message: '1 of b' })
  await a.call('message.send', { to: 'cli', message: '2 of a', replyTo: first.messageId ?? '' })
  const shell = shellIn(mesh.dir)
  const payloads = async (...args: string[]) =>
    documentOf(await shell(['inbox', ...args, '--json'])).messages.map((message: { payload: string }) => message.payload)
  expect(await payloads('--from', await a.name(), '--filter', 'all')).toEqual(['1 of a', '2 of a'])
  expect(await payloads('--thread', first.messageId ?? '', '--filter', 'all')).toEqual(['1 of a', '2 of a'])
  const { out, err } = await shell(['inbox', '--limit', '1', '--filter', 'all'])
  expect({ lines: out.trimEnd().split('\n').length, err }).toEqual({ lines: 2, err: expect.stringContaining('There are more') })
})

test('a wait ends with the first message; with none, the exit code says that nothing came', async () => {
  await using agent = await companion()
  const shell = shellIn(agent.dir)
  const waiting = shell(['inbox', '--wait', '30'])
  await agent.call('message.send', { to: 'cli', message: 'here I am' })
  expect(await waiting).toMatchObject({ code: 0, out: expect.stringContaining('here I am') })
  expect(await shell(['inbox', '--wait', '1'])).toMatchObject({ code: 3, out: '' })
})

test('before a terminal, hostile text stays in its place and nothing is wider than the screen', async () => {
  const dir = dataDir()
  {
    await using agent = await companion({ dir, env: { SLM_MESH_NAME: 'mallory' } })
    const forged = `${' '.repeat(70)}${HOSTILE} ${'x'.repeat(200)} 日本語日本語`
    await agent.call('message.send', { to: 'cli', message: forged })
  }
  for (const columns of [40, 80, 200]) {
    const { out } = await screenIn(dir)(['inbox', '--filter', 'all'], { columns })
    expect(out).not.toMatch(OBEYED)
    const lines = out.trimEnd().split('\n')
    // Facts begin the message, and go on indented by two; only text is indented by four.
    const factLines = lines.findIndex((line) => /^ {4}/.test(line))
    const facts = lines.slice(0, factLines).join('\n')
    const text = lines.slice(factLines)
    expect(facts).toMatch(/(^|\n {2}| · )m_[0-9a-z]{19}(\n|$)/)
    for (const line of lines.slice(0, factLines)) expect(stringWidth(line)).toBeLessThanOrEqual(columns)
    expect(facts).toMatch(/^mallory \(test-agent\) → cli · /)
    for (const line of text) {
      expect(line).toMatch(/^ {4}|^$/)
      expect(stringWidth(line)).toBeLessThanOrEqual(columns)
    }
    expect(
      text
        .map((line) => line.slice(4))
        .join('')
        .replaceAll(' ', ''),
    ).toContain(`${'x'.repeat(200)}日本語日本語`)
  }
})

test('times are absolute where that was asked for, and colours are only for terminals', async () => {
  const dir = dataDir()
  {
    await using agent = await companion({ dir })
    await agent.call('message.send', { to: 'cli', message: 'x' })
  }
  const screen = screenIn(dir)
  expect((await screen(['inbox', '--absolute'])).out).toMatch(/ · \d{4}-\d\d-\d\d \d\d:\d\d:\d\d · /)
  expect((await screen(['inbox', '--filter', 'all'], { colour: true })).out).toContain('\u001b[1m')
  expect((await screen(['inbox'])).out).toBe('No messages.\n')
})

test('a mailbox that is not there, and words that mean nothing, are refused', async () => {
  await using agent = await companion()
  const screen = screenIn(agent.dir)
  const refused: [args: string[], code: number, why: RegExp][] = [
    [['inbox', 'nobody-of-that-name'], 3, /no peer is called/],
    [['inbox', '--filter', 'old'], 2, /Allowed choices are unread, all, sent/],
    [['inbox', '--limit', '0'], 2, /--limit must be a whole number from 1 to 100/],
    [['inbox', '--wait', 'long'], 2, /--wait must be a whole number from 0 to 300/],
    [['inbox', '--thread', 'x'], 2, /must be a message id/],
    [['inbox', '--from', 'nobody-of-that-name'], 3, /no peer is called/],
  ]
  for (const [args, code, why] of refused)
    expect(await screen(args, { isTty: false })).toMatchObject({ code, out: '', err: expect.stringMatching(why) })
  expect(await shellIn(dataDir())(['inbox'])).toMatchObject({ code: 3, out: '' })
})
