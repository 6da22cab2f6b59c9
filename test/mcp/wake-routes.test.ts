import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hookCallOf } from '../../src/mcp/hook-tool.ts'
import { asksForChannel } from '../../src/mcp/wake/claude-channel.ts'
import { claudeInbox } from '../../src/mcp/wake/claude-inbox.ts'
import { wordsOf } from '../../src/mcp/wake/client-words.ts'
import { codexProgram, codexQueue, threadOf } from '../../src/mcp/wake/codex-queue.ts'
import { testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'

const place = () => {
  const dir = testDir()
  mkdirSync(dir, { recursive: true })
  return dir
}

/** A session's inbox, and the lines that it was sent. */
async function inbox(path: string) {
  const posts: string[] = []
  const server = createServer((socket) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.once('end', () => posts.push(text))
  })
  await new Promise<void>((listening) => server.listen(path, listening))
  return { posts, [Symbol.asyncDispose]: () => new Promise<void>((closed) => server.close(() => closed())) }
}

describe("Claude Code's inbox", () => {
  test('is posted a pointer after the token, each post unlike the last, and proves nothing', async () => {
    const path = join(place(), 'in.sock')
    await using session = await inbox(path)
    const route = claudeInbox({ CLAUDE_CODE_MESSAGING_SOCKET: path, CLAUDE_CODE_MESSAGING_TOKEN: 't0ken' })
    expect(route?.isOpen()).toBe(true)
    expect(await route?.wake('[mesh] 1 new message from otter: mesh_inbox shows it.')).toBe(false)
    expect(await route?.wake('[mesh] 1 new message from otter: mesh_inbox shows it.')).toBe(false)
    await eventually(() => session.posts.length === 2)
    const lines = session.posts.map((post) =>
      post
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    )
    expect(lines[0]).toEqual([
      { type: 'auth', token: 't0ken' },
      {
        type: 'user',
        message: { role: 'user', content: '[mesh] 1 new message from otter: mesh_inbox shows it. (#1)' },
        priority: 'next',
      },
    ])
    expect(lines[1]?.[1].message.content).toContain('(#2)')
  })

  test('is used only where there is one, and it is this user’s own socket', async () => {
    expect(claudeInbox({})).toBeUndefined()
    const dir = place()
    const path = join(dir, 'in.sock')
    const open = (at: string) => claudeInbox({ CLAUDE_CODE_MESSAGING_SOCKET: at })?.isOpen()
    expect(open(path), 'nothing is there').toBe(false)
    writeFileSync(join(dir, 'file'), '')
    expect(open(join(dir, 'file'))).toBe(false)
    await using _session = await inbox(path)
    symlinkSync(path, join(dir, 'link'))
    expect([open(path), open(join(dir, 'link'))]).toEqual([true, false])
  })

  test('that has gone is an error, so that the mail finds another way', async () => {
    const route = claudeInbox({ CLAUDE_CODE_MESSAGING_SOCKET: join(place(), 'gone.sock') })
    await expect(route?.wake('x')).rejects.toThrow('ENOENT')
  })
})

describe("Codex's queue", () => {
  /** A program called codex, which notes its words and ends as it is told. */
  function codex(code: number) {
    const dir = place()
    writeFileSync(join(dir, 'codex'), `#!/bin/sh\nprintf '%s\\n' "$@" > "${dir}/words"\necho no rollout >&2\nexit ${code}\n`)
    chmodSync(join(dir, 'codex'), 0o755)
    return {
      env: { PATH: `${dir}${delimiter}${process.env.PATH}` },
      words: () => readFileSync(join(dir, 'words'), 'utf8').split('\n'),
    }
  }

  test('is given the text for the thread that a call has told of', async () => {
    const { env, words } = codex(0)
    const route = codexQueue(env, () => threadOf({ threadId: '01-abc' }))
    expect(route.isOpen()).toBe(true)
    expect(await route.wake('[mesh] it’s "mail"; $(rm) `x`')).toBe(false)
    expect(words().slice(0, 5)).toEqual(['queue', '--thread', '01-abc', '--message', '[mesh] it’s "mail"; $(rm) `x`'])
  })

  test('that refuses is an error with its words', async () => {
    const { env } = codex(1)
    await expect(codexQueue(env, () => ({ id: 't', isBatch: false })).wake('x')).rejects.toThrow('ended with 1: no rollout')
  })

  test('is left alone while no thread is known, or where nobody sits before it', () => {
    expect(codexQueue({}, () => undefined).isOpen()).toBe(false)
    const batch = threadOf({ threadId: 't', 'x-codex-turn-metadata': { turn_trigger: 'exec' } })
    expect(batch).toEqual({ id: 't', isBatch: true })
    expect(codexQueue({}, () => batch).isOpen()).toBe(false)
    expect(threadOf({ threadId: 't', 'x-codex-turn-metadata': { turn_trigger: 'user' } })).toEqual({ id: 't', isBatch: false })
    for (const meta of [undefined, {}, { threadId: 7 }, { threadId: '--help x' }, { threadId: '' }])
      expect(threadOf(meta), JSON.stringify(meta)).toBeUndefined()
  })

  test('is that of the process that started us, where that is Codex', () => {
    expect(codexProgram('linux', process.pid)).toBe('codex')
    expect(codexProgram('darwin', 1)).toBe('codex')
  })
})

test('a channel counts as asked for only where the client’s words name ours', () => {
  const asks = (line: string) => asksForChannel(line.split(' '), 'slm-mesh')
  expect(asks('claude --dangerously-load-development-channels server:slm-mesh')).toBe(true)
  expect(asks('claude --channels server:other plugin:slm-mesh@market -c')).toBe(true)
  expect(asks('claude --channels=server:slm-mesh')).toBe(true)
  expect(asks('claude --channels server:other -p server:slm-mesh')).toBe(false)
  expect(asks('claude server:slm-mesh')).toBe(false)
  expect(asks('')).toBe(false)
})

test('the client’s words are those of the processes above us, as far as they can be seen', () => {
  const files: Record<string, string> = {
    '/proc/7/cmdline': 'sh\0-c\0npx slm-mesh\0',
    '/proc/7/status': 'Name:\tsh\nPPid:\t5\n',
    '/proc/5/cmdline': 'claude\0--channels\0server:slm-mesh\0',
    '/proc/5/status': 'Name:\tclaude\nPPid:\t1\n',
  }
  const read = (path: string) => {
    const text = files[path]
    if (text === undefined) throw new Error('ENOENT')
    return text
  }
  expect(asksForChannel(wordsOf(7, read), 'slm-mesh')).toBe(true)
  expect(wordsOf(9, read)).toEqual([])
})

test('a call of the hooks’ tool is read as what it asks, and what it does not know is no question', () => {
  const args = { event: 'PreToolUse', file: '/a', notebook: '', session: 's', active: '', lock: 'auto' }
  expect(hookCallOf(args)).toEqual({
    event: 'PreToolUse',
    call: { agent: 'claude-code', moment: 'before-edit', paths: ['/a'], autoLock: true },
  })
  expect(hookCallOf({ event: 'Stop' })?.call).toEqual({ agent: 'claude-code', moment: 'stop' })
  for (const event of ['SessionStart', 'toString', 7, undefined]) expect(hookCallOf({ event })).toBeUndefined()
})
