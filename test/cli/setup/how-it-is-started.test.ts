import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { claudeDesktop } from '../../../src/cli/setup/claude-desktop.ts'
import { hookCommand, isOurHook } from '../../../src/cli/setup/hooks.ts'
import { bareServerOf, serverOf, startOf } from '../../../src/cli/setup/start.ts'
import { testDir } from '../../support/data-dir.ts'

const where = (program: string, PATH = '') => ({ program, env: { PATH }, platform: 'linux' as const })

describe('how agents start the program', () => {
  test('from a clone by its path, from npx by npx', () => {
    expect(startOf(where('/src/mesh/dist/slm-mesh.js')).words).toEqual(['node', '/src/mesh/dist/slm-mesh.js'])
    const cached = '/home/ada/.npm/_npx/0123/node_modules/slm-mesh/dist/slm-mesh.js'
    expect(startOf(where(cached)).words).toEqual(['npx', '-y', 'slm-mesh'])
  })

  test('by its name where the PATH finds this very installation, else by npx', () => {
    const dir = testDir()
    const program = join(dir, 'lib/node_modules/slm-mesh/dist/slm-mesh.js')
    mkdirSync(dirname(program), { recursive: true })
    writeFileSync(program, '', { mode: 0o755 })
    expect(startOf(where(program, join(dir, 'bin'))).words).toEqual(['npx', '-y', 'slm-mesh'])
    mkdirSync(join(dir, 'bin'))
    symlinkSync(program, join(dir, 'bin/slm-mesh'))
    expect(startOf(where(program, `/nowhere:${join(dir, 'bin')}`)).words).toEqual(['slm-mesh'])
    mkdirSync(join(dir, 'other'))
    writeFileSync(join(dir, 'other/slm-mesh'), '', { mode: 0o755 })
    expect(startOf(where(program, `${join(dir, 'other')}:${join(dir, 'bin')}`)).words).toEqual(['npx', '-y', 'slm-mesh'])
  })

  test('Windows runs npx through its shell; an application without a PATH is given full paths', () => {
    const npx = { words: ['npx', '-y', 'slm-mesh'] }
    expect(serverOf(npx, 'win32')).toEqual({ command: 'cmd', args: ['/c', 'npx', '-y', 'slm-mesh', 'mcp'] })
    expect(bareServerOf({ words: ['node', '/x/slm-mesh.js'] }, '/n/bin/node')).toEqual({
      command: '/n/bin/node',
      args: ['/x/slm-mesh.js', 'mcp'],
    })
    expect(bareServerOf(npx, '/n/bin/node')).toMatchObject({
      command: '/n/bin/npx',
      env: { PATH: expect.stringMatching(/^\/n\/bin:/) },
    })
    const on = (platform: NodeJS.Platform) => claudeDesktop.servers.entry(npx, { home: '/h', cwd: '/', platform, env: {} })
    expect(on('darwin').command).toBe(join(dirname(process.execPath), 'npx'))
    expect(on('linux').command).toBe('npx')
  })
})

describe('a hook of ours', () => {
  const wanted = { hooks: true, autoLock: true, guard: true, platform: 'linux' as const }
  test.each([
    { words: ['npx', '-y', 'slm-mesh'] },
    { words: ['slm-mesh'] },
    { words: ['node', `/a b/it's/slm-mesh/dist/slm-mesh.js`] },
  ])('is known again: $words', (start) => {
    for (const platform of ['linux', 'win32'] as const) {
      const command = hookCommand({ ...wanted, start, platform }, 'cursor', 'preToolUse', true)
      expect(isOurHook({ command }, 'cursor')).toBe(true)
      expect(isOurHook({ bash: command }, 'cursor')).toBe(true)
      expect(isOurHook({ command }, 'codex')).toBe(false)
    }
  })

  test('is not taken for one that others have, though it looks like it', () => {
    for (const command of ['other hook cursor stop', 'slm-mesh status', 'echo slm-mesh hook cursor stop; rm x', 'slm-mesh-x', 7])
      expect(isOurHook({ command }, 'cursor')).toBe(false)
    expect(isOurHook({ type: 'mcp_tool', server: 'slm-mesh', tool: 'other' }, 'claude-code')).toBe(false)
  })

  test('keeps a path of Windows usable in whatever shell runs it', () => {
    const start = { words: ['node', 'C:\\Program Files\\slm-mesh\\slm-mesh.js'] }
    expect(hookCommand({ ...wanted, start, platform: 'win32', guard: false }, 'cursor', 'stop')).toBe(
      'node "C:/Program Files/slm-mesh/slm-mesh.js" hook cursor stop',
    )
  })
})
