import { basename, dirname } from 'node:path'
import { expect, test } from 'vitest'
import { readConfig } from '../../../src/core/config.ts'
import { natsSettings } from '../../../src/core/nats/settings.ts'

const dirOf = (url: string, more: Record<string, string> = {}) =>
  readConfig({ SLM_MESH_DATA_DIR: '/d', SLM_MESH_URL: url, ...more }).dataDir

test('a mesh on a server has a directory of its own below this machine’s, and that is the same one when it is named', () => {
  const dir = dirOf('nats://a:4222')
  expect(dirname(dir)).toBe('/d')
  expect(basename(dir)).toMatch(/^nats-[0-9a-f]{12}$/)
  expect(dirOf('nats://a:4222', { SLM_MESH_DATA_DIR: dir })).toBe(dir)
  expect(readConfig({ SLM_MESH_DATA_DIR: '/d' }).dataDir).toBe('/d')
})

test('however its servers are written, and as whoever we go there, it is one directory; another mesh has another', () => {
  const same = [
    'nats://a:4222,nats://b:4223',
    'nats://b:4223,nats://A',
    'b:4223, a:4222',
    'tls://user:secret@a,tls://b:4223/',
    'nats://token@a:4222,b:4223,a',
  ]
  expect(new Set(same.map((url) => dirOf(url))).size).toBe(1)
  for (const url of same.filter((each) => !each.includes('tls') && !each.includes('token')))
    expect(natsSettings(readConfig({ SLM_MESH_URL: url }))?.servers).toEqual(['a:4222', 'b:4223'])
  const others = [dirOf('nats://a'), dirOf('nats://a:4223'), dirOf('nats://a', { SLM_MESH_MESH: 'other' }), dirOf(same[0] ?? '')]
  expect(new Set(others).size).toBe(4)
})
