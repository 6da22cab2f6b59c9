import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/core/config.ts'
import { namesOf, natsSettings } from '../../../src/core/nats/settings.ts'

const settingsOf = (env: Record<string, string>) => natsSettings(readConfig(env))

test('without a URL the mesh is this machine’s file', () => expect(settingsOf({})).toBeUndefined())

describe('a URL', () => {
  test.each([
    ['nats://a:4222', ['a:4222'], false],
    ['nats://a', ['a:4222'], false],
    ['a', ['a:4222'], false],
    ['tls://A.example/', ['a.example:4222'], true],
    ['tls://b,a:2', ['a:2', 'b:4222'], true],
    ['tls://b:1,tls://a:2', ['a:2', 'b:1'], true],
    [' nats://b:1 , nats://a:2, nats://b:1', ['a:2', 'b:1'], false],
    ['nats://[::1]:4222', ['[::1]:4222'], false],
  ])('%s', (SLM_MESH_URL, servers, tls) => expect(settingsOf({ SLM_MESH_URL })).toMatchObject({ servers, tls }))

  test.each([
    'http://a',
    'nats://',
    'nats://a:0',
    'nats://a:65536',
    'nats://a:x',
    'nats://a,tls://b',
    ',',
    'nats://a/b',
    'nats://a b',
  ])('%j is refused, with what is expected', (SLM_MESH_URL) =>
    expect(() => settingsOf({ SLM_MESH_URL })).toThrow(
      expect.objectContaining({ code: 'setting', message: expect.stringContaining('nats://host:4222') }),
    ),
  )
})

describe('who we are', () => {
  const SLM_MESH_URL = 'nats://u:p%40ss@a'
  test.each<[string, Record<string, string>, object]>([
    ['nobody', { SLM_MESH_URL: 'nats://a' }, { kind: 'none' }],
    ['in the URL', { SLM_MESH_URL }, { kind: 'user', user: 'u', password: 'p@ss' }],
    ['a token in the URL', { SLM_MESH_URL: 'nats://secret@a' }, { kind: 'token', token: 'secret' }],
    ['of their own', { SLM_MESH_URL, SLM_MESH_USER: 'v', SLM_MESH_PASSWORD: 'w' }, { kind: 'user', user: 'v', password: 'w' }],
    ['a token', { SLM_MESH_URL, SLM_MESH_TOKEN: 't' }, { kind: 'token', token: 't' }],
    ['a file, before all', { SLM_MESH_URL, SLM_MESH_CREDS: '/c', SLM_MESH_USER: 'v' }, { kind: 'file', path: '/c' }],
  ])('%s', (_, env, credentials) => expect(settingsOf(env)).toMatchObject({ credentials }))

  test('is in no sentence for people', () => {
    expect(settingsOf({ SLM_MESH_URL: 'nats://u:hush@a,nats://b' })?.url).toBe('nats://a:4222,nats://b:4222')
    for (const bad of [
      'nats://u:hush@a:x',
      'http://u:hush@a',
      `nats://u:hush@${'a'.repeat(3_000)}`,
      'nats://u:hu@sh@a',
      'u:hush@a b',
    ])
      expect(() => settingsOf({ SLM_MESH_URL: bad })).toThrow(
        expect.objectContaining({ message: expect.not.stringMatching(/hush|hu@|sh@/) }),
      )
    expect(() => settingsOf({ SLM_MESH_PASSWORD: 'hush'.repeat(300) })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hush') }),
    )
  })
})

test('meshes are apart by their names; one with the server’s own signs in it is refused', () => {
  expect(namesOf('a')).toEqual({
    stream: 'SLM_MESH_a',
    log: 'slm.a.log',
    snapshot: 'slm.a.snapshot',
    chunk: 'slm.a.chunk',
    inbox: 'slm.a.inbox',
  })
  for (const SLM_MESH_MESH of ['a.b', '*', '>', 'A', 'a b', 'a'.repeat(33)])
    expect(() => settingsOf({ SLM_MESH_MESH })).toThrow(expect.objectContaining({ code: 'setting' }))
})
