import { expect, test } from 'vitest'
import { type Companion, companion, companions } from '../support/companion.ts'
import { dataDir } from '../support/data-dir.ts'
import { documentOf, shellIn } from '../support/shell.ts'

test('everybody who lives gets it, and nobody who is away', async () => {
  await using mesh = await companions(3)
  const [first, second, third] = mesh.agents as [Companion, Companion, Companion]
  const names = await Promise.all([first.name(), second.name()])
  await third[Symbol.asyncDispose]()
  const sent = documentOf(
    await shellIn(mesh.dir)(['broadcast', '-', '--priority', 'low', '--json'], { input: 'main is frozen\n' }),
  )
  expect(sent.recipients.map(({ name }: { name: string }) => name).sort()).toEqual([...names].sort())
  expect(sent.messageIds).toHaveLength(2)
  for (const agent of [first, second])
    expect((await agent.call('message.inbox', {})).messages).toMatchObject([
      { from: { id: 'cli' }, payload: 'main is frozen', priority: 'low' },
    ])
})

test('people are told of each recipient', async () => {
  await using mesh = await companions(2)
  const { code, out } = await shellIn(mesh.dir)(['broadcast', 'hello'])
  expect(code).toBe(0)
  const names = await Promise.all(mesh.agents.map((agent) => agent.name()))
  expect(out.trimEnd().split('\n').sort()).toEqual(names.sort().map((name) => expect.stringContaining(`queued for ${name} (m_`)))
})

test('with nobody there, nothing is sent, and the exit code says so', async () => {
  const dir = dataDir()
  {
    await using _agent = await companion({ dir })
  }
  const shell = shellIn(dir)
  const plain = await shell(['broadcast', 'anybody?'])
  expect(plain).toMatchObject({ code: 3, out: '', err: expect.stringContaining('Nobody is here: nothing was sent.') })
  const json = await shell(['broadcast', 'anybody?', '--json'])
  expect({ code: json.code, document: documentOf(json) }).toEqual({
    code: 3,
    document: { ok: true, via: 'file', messageIds: [], recipients: [] },
  })
  expect((await shell(['broadcast'])).code).toBe(2)
})
