import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hasScreen, openerOf } from '../../src/cli/commands/ui/opener.ts'
import { startMesh } from '../support/agent.ts'
import { dataDir, meshEnv, testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { servingLeader } from '../support/health.ts'
import { inFile } from '../support/mesh-file.ts'
import { run } from '../support/run.ts'
import { documentOf, shellIn } from '../support/shell.ts'

const LINK = /^http:\/\/127\.0\.0\.1:\d+\/#key=[A-Za-z0-9_-]{43}$/
const linkFiles = (dir: string) => readdirSync(dir).filter((name) => name.endsWith('.html'))

/**
 * An `xdg-open` that notes what it was given and what every process showed as its arguments meanwhile; then `then`, a
 * shell's words, in which `$LINK` is where the file leads.
 */
function fakeOpener(then: string) {
  const dir = testDir()
  const bin = join(dir, 'bin')
  mkdirSync(bin)
  const said = join(dir, 'said')
  const script = [
    '#!/bin/sh',
    `printf '%s\\n' "$1" > '${said}.file'`,
    `stat -c %a "$1" > '${said}.mode'`,
    `cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' > '${said}.argv'`,
    `LINK=$(sed -n "s/.*location.replace('\\(.*\\)').*/\\1/p" "$1")`,
    `printf '%s\\n' "$LINK" > '${said}.link'`,
    then,
  ]
  writeFileSync(join(bin, 'xdg-open'), script.join('\n'))
  chmodSync(join(bin, 'xdg-open'), 0o755)
  return {
    env: { PATH: `${bin}:${process.env.PATH}`, DISPLAY: ':1' },
    said: (what: 'file' | 'mode' | 'argv' | 'link') => readFileSync(`${said}.${what}`, 'utf8').trim(),
  }
}

/** What a browser does that has got there. */
const VISIT = `curl -s -o /dev/null -H "Authorization: Bearer \${LINK#*#key=}" "\${LINK%%/#*}/dashboard/overview"`

async function served() {
  const mesh = await startMesh(1)
  await eventually(() => servingLeader(mesh.dir))
  return mesh
}

describe.skipIf(process.platform !== 'linux')('ui', () => {
  test('leads the browser through a file of its own, so that no process shows the key, and removes it once it has come', async () => {
    await using mesh = await served()
    const opener = fakeOpener(VISIT)
    const { code, out, err } = await run(['ui'], { ...meshEnv(mesh.dir), ...opener.env })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/open in your browser/)
    const link = opener.said('link')
    expect(link).toMatch(LINK)
    expect(opener.said('file').startsWith(mesh.dir)).toBe(true)
    expect(opener.said('mode')).toBe('600')
    expect(existsSync(opener.said('file'))).toBe(false)
    const key = link.split('=')[1] ?? ''
    expect(opener.said('argv')).toContain('slm-mesh')
    expect(opener.said('argv')).not.toContain(key)
    expect(out).not.toContain(key)
    expect(readFileSync(join(mesh.dir, 'mesh.log'), 'utf8')).not.toContain(key)
    expect(linkFiles(mesh.dir)).toEqual([])
  })

  test('where the browser cannot be opened, the link is printed, and no file is left', async () => {
    await using mesh = await served()
    const opener = fakeOpener('exit 4')
    const { code, out, err } = await run(['ui'], { ...meshEnv(mesh.dir), ...opener.env })
    expect(code).toBe(0)
    expect(out.trim()).toMatch(LINK)
    expect(err).toMatch(/No browser has come/)
    expect(linkFiles(mesh.dir)).toEqual([])
  })

  test('an end from outside removes the file as well', async () => {
    await using mesh = await served()
    const opener = fakeOpener('kill -INT $PPID; sleep 1')
    await run(['ui'], { ...meshEnv(mesh.dir), ...opener.env })
    expect(existsSync(opener.said('file'))).toBe(false)
    expect(linkFiles(mesh.dir)).toEqual([])
  })

  test('without a screen, or an opener, the link is printed and why', async () => {
    await using mesh = await served()
    const noScreen = await run(['ui'], meshEnv(mesh.dir))
    expect(noScreen).toMatchObject({ code: 0, err: expect.stringMatching(/no screen/), out: expect.stringMatching(/#key=/) })
    const noOpener = await run(['ui'], { ...meshEnv(mesh.dir), DISPLAY: ':1', PATH: '/nonexistent' })
    expect(noOpener).toMatchObject({ code: 0, err: expect.stringMatching(/no xdg-open/), out: expect.stringMatching(/#key=/) })
  })

  test('--print prints the link and opens nothing; each is another one, and all are good', async () => {
    await using mesh = await served()
    const opener = fakeOpener('exit 0')
    const env = { ...meshEnv(mesh.dir), ...opener.env }
    const links = [await run(['ui', '--print'], env), await run(['ui', '--print'], env)].map(({ code, out, err }) => {
      expect({ code, err }).toEqual({ code: 0, err: '' })
      expect(out.trim()).toMatch(LINK)
      return new URL(out.trim())
    })
    expect(links[0]?.href).not.toBe(links[1]?.href)
    for (const link of links) {
      const headers = { authorization: `Bearer ${link.hash.slice(5)}` }
      expect((await fetch(`${link.origin}/dashboard/overview`, { headers })).status).toBe(200)
    }
    expect(() => opener.said('file')).toThrow()
    expect(linkFiles(mesh.dir)).toEqual([])
  })

  test('--json prints one document', async () => {
    await using mesh = await served()
    const document = documentOf(await shellIn(mesh.dir)(['ui', '--print', '--json']))
    expect(document).toEqual({ ok: true, opened: false, url: expect.stringMatching(LINK) })
  })
})

test('where nobody leads it says what to do, exit 3, and makes neither a mesh nor a key', async () => {
  const dir = dataDir()
  const none = await shellIn(dir)(['ui', '--print'])
  expect(none).toMatchObject({ code: 3, out: '', err: expect.stringMatching(/slm-mesh start --detach/) })
  expect(existsSync(dir)).toBe(false)
  await using mesh = await served()
  await mesh.agents[0]?.kill()
  const gone = await shellIn(mesh.dir)(['ui', '--print', '--json'])
  expect(gone.code).toBe(3)
  expect(documentOf(gone)).toMatchObject({ ok: false, code: 'not_found', error: expect.stringMatching(/Nobody leads.*--start/) })
  expect(inFile(mesh.dir, (file) => file.prepare('SELECT count(*) AS n FROM browser_keys').get())).toEqual({ n: 0 })
})

test('--start starts a headless peer first, which then serves it', async () => {
  const dir = dataDir()
  try {
    const { code, out } = await shellIn(dir)(['ui', '--print', '--start', '--json'])
    expect(code).toBe(0)
    const { url } = JSON.parse(out)
    expect(url).toMatch(LINK)
    expect((await fetch(new URL(url).origin)).status).toBe(200)
  } finally {
    await shellIn(dir)(['stop'])
  }
})

test('clean removes links of commands that died, and no other', async () => {
  await using mesh = await served()
  const name = (pid: number) => join(mesh.dir, `dashboard.${pid}.${'0'.repeat(16)}.html`)
  const [dead, old, living, notOurs] = [name(4_194_303), name(process.ppid), name(process.pid), join(mesh.dir, 'dashboard.html')]
  for (const path of [dead, old, living, notOurs]) writeFileSync(path, '')
  utimesSync(old, new Date(0), new Date(0))
  const { done } = documentOf(await shellIn(mesh.dir)(['clean', '--json']))
  expect(done.map(({ kind, outcome }: { kind: string; outcome: string }) => `${kind} ${outcome}`)).toEqual([
    'temporary done',
    'temporary done',
  ])
  expect([dead, old, living, notOurs].map((path) => existsSync(path))).toEqual([false, false, true, true])
  expect(statSync(living).isFile()).toBe(true)
})

describe('the opener', () => {
  test.each([
    ['linux', { program: 'xdg-open', args: ['/a b/x.html'], verbatim: false }],
    ['freebsd', { program: 'xdg-open', args: ['/a b/x.html'], verbatim: false }],
    ['darwin', { program: 'open', args: ['/a b/x.html'], verbatim: false }],
    ['win32', { program: 'cmd', args: ['/d', '/s', '/c', '"start "" "/a b/x.html""'], verbatim: true }],
  ] as const)('of %s is given the file', (platform, opener) => {
    expect(openerOf(platform, '/a b/x.html')).toEqual(opener)
  })

  test('needs a screen on Linux, X, Wayland or that of Windows around it', () => {
    expect(hasScreen('linux', {})).toBe(false)
    expect(hasScreen('linux', { DISPLAY: '' })).toBe(false)
    for (const env of [{ DISPLAY: ':0' }, { WAYLAND_DISPLAY: 'wayland-0' }, { WSL_DISTRO_NAME: 'Debian' }])
      expect(hasScreen('linux', env)).toBe(true)
    expect(hasScreen('darwin', {})).toBe(true)
    expect(hasScreen('win32', {})).toBe(true)
  })
})
