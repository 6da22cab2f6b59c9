import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { ProcessRef } from '../../src/core/peer.ts'
import { isGone, ownProcess, sight } from '../../src/peer/process-identity.ts'
import { parseFileTime, parseProcStat, parsePs, type Sighting } from '../../src/peer/sighting.ts'
import { eventually } from '../support/eventually.ts'

/** A line of /proc/PID/stat: pid, command, state, then numbers; the 22nd field is the start time. */
const stat = (command: string, state: string, start: string) =>
  `4711 (${command}) ${state} ${Array.from({ length: 18 }, (_, i) => i + 1).join(' ')} ${start} 1 2 3`

test.each([
  ['an ordinary name', 'node'],
  ['spaces', 'Web Content 1'],
  ['what looks like the end of the name and another state', 'a) Z 1 (b'],
  ['only brackets', ') ) ('],
  ['a line break', 'a\n) Z 1'],
  ['nothing', ''],
])('a process is recognised whatever its command is called: %s', (_, command) => {
  expect(parseProcStat(stat(command, 'S', '123456'))).toEqual({ startedAt: '123456', ended: false })
})

test.each([
  ['R', false],
  ['D', false],
  ['T', false], // stopped is not dead
  ['Z', true],
  ['X', true],
])('a process in state %s has ended: %s', (state, ended) => {
  expect(parseProcStat(stat('node', state, '1'))?.ended).toBe(ended)
})

test.each(['', '4711 (node', '4711 (node) S 1 2 3', stat('node', 'S', '-1'), stat('node', 'S', 'x')])(
  'what is no line of /proc tells nothing: %j',
  (line) => expect(parseProcStat(line)).toBeUndefined(),
)

test.each([
  ['S+   Mon Nov  2 09:15:01 2026\n', { startedAt: 'Mon Nov 2 09:15:01 2026', ended: false }],
  ['  Ss Mon Nov 23 09:15:01 2026', { startedAt: 'Mon Nov 23 09:15:01 2026', ended: false }],
  ['T    Mon Nov 23 09:15:01 2026', { startedAt: 'Mon Nov 23 09:15:01 2026', ended: false }],
  ['Z+   Mon Nov 23 09:15:01 2026', { startedAt: 'Mon Nov 23 09:15:01 2026', ended: true }],
  ['', undefined],
  ['STAT STARTED', undefined],
])('ps says %j', (line, expected) => expect(parsePs(line)).toEqual(expected))

test.each([
  ['134093241234567890\r\n', { startedAt: '134093241234567890', ended: false }],
  ['', undefined],
  ['Get-Process : Cannot find a process', undefined],
  ['12', undefined],
])('PowerShell says %j', (line, expected) => expect(parseFileTime(line)).toEqual(expected))

const here = { bootId: 'boot 1', pidNamespace: 'pid:[1]' }
const that: ProcessRef = { pid: 4711, startedAt: '100', ...here }
const alive: Sighting = { startedAt: '100', ended: false }

test.each<[string, boolean, ProcessRef, Sighting | undefined]>([
  ['the same one, alive', false, that, alive],
  ['no process of that pid', true, that, undefined],
  ['a zombie', true, that, { ...alive, ended: true }],
  ['another process that was given the pid', true, that, { ...alive, startedAt: '200' }],
  ['one of an earlier boot, though the pid lives', true, { ...that, bootId: 'boot 0' }, alive],
  ['one of an earlier boot, in another container', true, { ...that, bootId: 'boot 0', pidNamespace: 'pid:[2]' }, undefined],
  ['one of another container, where nothing is certain', false, { ...that, pidNamespace: 'pid:[2]' }, undefined],
])('%s: gone is %s', (_, gone, process, seen) => {
  expect(isGone(process, here, () => seen)).toBe(gone)
})

test.each([
  ['an earlier boot of this host', true, 'a/boot 0'],
  ['another host, whose processes only it can see', false, 'b/boot 1'],
  ['this boot', false, 'a/boot 1'],
])('a process of %s: gone is %s', (_, gone, bootId) => {
  expect(isGone({ ...that, bootId }, { ...here, bootId: 'a/boot 1' }, () => alive)).toBe(gone)
})

test('this very process lives, and is another one than any before it of the same pid', () => {
  const own = ownProcess()
  expect(own.pid).toBe(process.pid)
  expect(own.startedAt).not.toBe('')
  expect(isGone(own)).toBe(false)
  expect(isGone({ ...own, startedAt: `${own.startedAt}1` })).toBe(true)
})

test('a process is gone once it has ended', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] })
  const ref = { ...ownProcess(), pid: child.pid ?? 0, startedAt: sight(child.pid ?? 0)?.startedAt ?? '' }
  expect(isGone(ref)).toBe(false)
  child.kill('SIGSTOP')
  expect(isGone(ref)).toBe(false)
  child.kill('SIGKILL')
  await once(child, 'close')
  expect(isGone(ref)).toBe(true)
})

test.runIf(process.platform === 'linux')(
  'a killed process that nobody has reaped is gone, though its pid still answers',
  async () => {
    // The shell's child ends; the shell has become `sleep`, which never asks after it.
    const parent = spawn('/bin/sh', ['-c', 'read go <&3 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    })
    try {
      const [line] = (await once(parent.stdout!, 'data')) as [Buffer]
      const pid = Number(line.toString())
      const ref = { ...ownProcess(), pid, startedAt: sight(pid)?.startedAt ?? '' }
      expect(isGone(ref)).toBe(false)
      await eventually(() => readFileSync(`/proc/${parent.pid}/comm`, 'utf8').trim() === 'sleep') // until then it would be reaped
      process.kill(pid, 'SIGKILL')
      await eventually(() => isGone(ref))
      expect(() => process.kill(pid, 0)).not.toThrow()
      expect(sight(pid)).toEqual({ startedAt: ref.startedAt, ended: true })
    } finally {
      parent.kill('SIGKILL')
    }
  },
)
