import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { companion } from '../support/companion.ts'
import { dataDir } from '../support/data-dir.ts'
import { documentOf, HOSTILE, screenIn, shellIn } from '../support/shell.ts'

test('a message from a shell is in the agent’s inbox, from cli, as it was written', async () => {
  await using agent = await companion()
  const shell = shellIn(agent.dir)
  const name = await agent.name()
  const sent = await shell(['send', name, HOSTILE, '--priority', 'urgent', '--type', 'alert'])
  expect(sent).toMatchObject({ code: 0, out: expect.stringMatching(new RegExp(`^queued for ${name} \\(m_[0-9a-z]{19}\\)\n$`)) })
  const { messages } = await agent.call('message.inbox', {})
  expect(messages).toMatchObject([
    { from: { id: 'cli', name: 'cli', agentType: 'human' }, payload: HOSTILE, priority: 'urgent', type: 'alert' },
  ])
})

test('a waiting agent is woken by it', async () => {
  await using agent = await Agent.start()
  const name = await agent.name()
  const waiting = agent.call('message.inbox', { wait: 20 })
  await shellIn(agent.dir)(['send', name, 'wake up'])
  expect((await waiting).messages).toMatchObject([{ payload: 'wake up' }])
})

test('standard input is the message, without its last newline', async () => {
  await using agent = await companion()
  const shell = shellIn(agent.dir)
  const name = await agent.name()
  const long = `${'häß 日本 👍\n'.repeat(2_000)}end`
  for (const input of ['one\n', 'two\n\n', long]) expect((await shell(['send', name, '-'], { input })).code).toBe(0)
  const { messages } = await agent.call('message.inbox', {})
  expect(messages.map(({ payload }) => payload)).toEqual(['one', 'two\n', long])
})

test('a conversation: the agent answers, and its answer is answered in the same thread', async () => {
  await using agent = await Agent.start()
  const shell = shellIn(agent.dir)
  const { messageId } = documentOf(await shell(['send', await agent.name(), 'are you there?', '--json']))
  await agent.call('message.send', { to: 'cli', message: 'yes', replyTo: messageId })
  const { messages } = documentOf(await shell(['inbox', '--json']))
  expect(messages).toMatchObject([{ payload: 'yes', replyTo: messageId, thread: messageId }])
  const again = documentOf(await shell(['send', await agent.name(), 'good', '--reply-to', messages[0].id, '--json']))
  const sent = documentOf(await shell(['inbox', '--filter', 'sent', '--json'])).messages
  expect(sent).toMatchObject([
    { id: messageId, state: 'acked' },
    { id: again.messageId, thread: messageId },
  ])
})

test('whoever is away gets it later, with nobody running at all', async () => {
  const dir = dataDir()
  let name = ''
  {
    await using agent = await companion({ dir, env: { SLM_MESH_NAME: 'night-owl' } })
    name = await agent.name()
  }
  const sent = await shellIn(dir)(['send', name, 'good morning', '--json'])
  expect(sent.code).toBe(0)
  expect(documentOf(sent)).toMatchObject({ ok: true, via: 'file', recipients: [{ name, state: 'queued', away: true }] })
  expect((await shellIn(dir)(['send', name, 'again'])).out).toMatch(
    /^queued for night-owl, who is away: it waits in the mailbox \(m_/,
  )
  await using back = await companion({ dir, env: { SLM_MESH_NAME: 'night-owl' } })
  expect((await back.call('message.inbox', {})).messages.map(({ payload }) => payload)).toEqual(['good morning', 'again'])
})

test('what cannot be sent is one line, an exit code, and changes nothing', async () => {
  await using agent = await companion()
  const shell = shellIn(agent.dir)
  const name = await agent.name()
  const refused: [args: string[], code: number, why: RegExp, input?: string][] = [
    [['send', 'nobody-of-that-name', 'x'], 3, /no peer is called "nobody-of-that-name".*slm-mesh peers --all/],
    [['send', name], 2, /missing required argument 'message'/],
    [['send', name, ''], 2, /the message is empty/],
    [['send', name, '-'], 2, /the message is empty/, '\n'],
    [['send', name, '-'], 2, /without NUL/, 'a\0b'],
    [['send', name, '-'], 2, /the limit is 65536/, 'x'.repeat(70_000)],
    [['send', name, '{oops', '--type', 'json'], 2, /is not JSON/],
    [['send', name, 'x', '--type', 'song'], 2, /Allowed choices are text, json, command, alert/],
    [['send', name, 'x', '--priority', 'now'], 2, /Allowed choices are normal, urgent, low/],
    [['send', name, 'x', '--reply-to', 'm_0000000000000000000'], 3, /no message of yours/],
    [['send', name, 'x', '--from', name], 1, /is a session of its own/],
    [['send', name, 'x', '--from', 'no-such-script'], 3, /no peer is called/],
  ]
  for (const [args, code, why, input = ''] of refused) {
    const plain = await screenIn(agent.dir)(args, { input, isTty: false })
    expect({ args, code: plain.code, out: plain.out }).toEqual({ args, code, out: '' })
    expect(plain.err.trimEnd().split('\n').at(-1)).toMatch(why)
  }
  const bytes = await shell(['send', name, '-'], { input: Buffer.from([0x68, 0xff, 0x69]) })
  expect(bytes).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/standard input is not UTF-8/) })
  expect(documentOf(await shell(['send', 'nobody-of-that-name', 'x', '--json']))).toMatchObject({
    ok: false,
    code: 'unknown_peer',
  })
  expect((await agent.call('message.inbox', {})).messages).toEqual([])
})

test('where there is no mesh yet, nothing is made, and the exit code says that nothing runs', async () => {
  const dir = dataDir()
  expect(await shellIn(dir)(['send', 'somebody', 'x'])).toMatchObject({
    code: 3,
    out: '',
    err: expect.stringMatching(/no mesh yet in/),
  })
})

test('on a terminal it says the same', async () => {
  const dir = dataDir()
  {
    await using _agent = await companion({ dir, env: { SLM_MESH_NAME: 'night-owl' } })
  }
  const { code, out, err } = await screenIn(dir)(['send', 'night-owl', 'x'])
  expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^queued for night-owl, who is away: it waits/) })
  expect(err).toBe('Nobody leads; night-owl led last.\n')
})
