import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createInbox, nkeys } from '@nats-io/transport-node'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/core/config.ts'
import { connectMesh } from '../../src/core/nats/connect.ts'
import { permissionsFor } from '../../src/core/nats/permissions.ts'
import { namesOf, natsSettings } from '../../src/core/nats/settings.ts'
import { Agent } from '../support/agent.ts'
import { testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { haveElected, natsServer, needsNats, startNatsOn } from '../support/nats.ts'
import { freePorts } from '../support/ports.ts'
import { run } from '../support/run.ts'

/** What `slm-mesh init` prints is written down, and a real server runs by it; the certificates are made as docs/team.md says. */

const PASSWORDS = { SLM_MESH_PASSWORD_RED: 'pred1', SLM_MESH_PASSWORD_BLUE: 'pblue2' }

/** A directory with ca.pem, server.pem and server-key.pem, by the commands of the page. */
function certificates(names: string): string {
  const dir = testDir()
  const page = readFileSync(fileURLToPath(new URL('../../docs/team.md', import.meta.url)), 'utf8')
  const commands = /```sh\n(openssl req -x509[^`]*)```/.exec(page)?.[1] ?? expect.fail('docs/team.md shows no openssl commands')
  execFileSync('sh', ['-ec', commands], {
    cwd: dir,
    env: { PATH: process.env.PATH, HOST: 'nats', NAMES: names },
    stdio: 'ignore',
  })
  return dir
}

/** The page's places and ports become the test's own; all else stays as it was printed. */
const placed = (
  conf: string,
  dir: string,
  { monitorPort, host = '127.0.0.1', routePort = 6222 }: { monitorPort: number; host?: string; routePort?: number },
) =>
  conf
    .replaceAll('/etc/nats/', `${dir}/`)
    .replaceAll('/var/lib/nats', join(dir, 'store', host))
    .replaceAll('0.0.0.0', host)
    .replaceAll('127.0.0.1:8222', `${host}:${monitorPort}`)
    .replaceAll(':6222', `:${routePort}`)

async function printed(...args: string[]): Promise<string> {
  const { code, out, err } = await run(['init', '--print', ...args], { HOME: testDir() })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out
}

/** One server for the meshes red and blue. */
async function teamServer() {
  const dir = certificates('DNS:localhost,IP:127.0.0.1')
  const [port = 0, monitorPort = 0] = await freePorts(2)
  const url = `tls://localhost:${port}`
  const conf = placed(await printed('--url', url, '--mesh', 'red', 'blue'), dir, { monitorPort })
  const server = await startNatsOn(conf, { port, monitorPort, env: { NATS_NAME: 'n1', ...PASSWORDS } })
  return {
    server,
    url,
    env: (mesh: 'red' | 'blue', more: Record<string, string> = {}): Record<string, string> => ({
      ...{ SLM_MESH_URL: url, SLM_MESH_MESH: mesh, SLM_MESH_CA: join(dir, 'ca.pem'), SLM_MESH_USER: mesh },
      SLM_MESH_PASSWORD: mesh === 'red' ? PASSWORDS.SLM_MESH_PASSWORD_RED : PASSWORDS.SLM_MESH_PASSWORD_BLUE,
      ...more,
    }),
    ca: join(dir, 'ca.pem'),
    [Symbol.asyncDispose]: () => server.kill(),
  }
}

const connectAs = (env: Record<string, string>) => {
  const settings = natsSettings(readConfig(env))
  if (!settings) throw new Error('no url')
  return connectMesh(settings)
}

describe.skipIf(!natsServer)(`a server by the configuration that init prints${needsNats}`, () => {
  test('init makes the stream and finds it again; a session may do all that it needs, over TLS', async () => {
    await using team = await teamServer()
    const init = async () => JSON.parse((await run(['init', '--json'], { HOME: testDir(), ...team.env('red') })).out)
    expect(await init()).toMatchObject({ ok: true, stream: 'SLM_MESH_red', created: true, replicas: 1, url: team.url })
    expect(await init()).toMatchObject({ ok: true, created: false, replicas: 1 })

    await using red = await connectAs(team.env('red'))
    const { log, snapshot, chunk, stream, inbox } = red.names
    expect(await red.js.publish(log, 'one', { expect: { lastSubjectSequence: 0 } })).toMatchObject({ seq: 1 })
    for (const subject of [snapshot, `${chunk}.1.0`, log]) await red.js.publish(subject, 'more')
    expect((await red.jsm.streams.getMessage(stream, { last_by_subj: log }))?.seq).toBe(4)
    expect((await red.jsm.direct.getMessage(stream, { seq: 1 }))?.string()).toBe('one')
    const pull = await red.js.consumers.get(stream, { filter_subjects: log })
    expect((await pull.next({ expires: 5_000 }))?.string()).toBe('one')
    const push = await red.js.consumers.getPushConsumer(stream, { filter_subjects: [log], deliver_prefix: createInbox(inbox) })
    const pushed: string[] = []
    const messages = await push.consume({ callback: (message) => void pushed.push(message.string()) })
    await eventually(() => pushed.length === 2)
    await messages.close()
    expect(await red.jsm.streams.purge(stream, { filter: log, seq: 4 })).toMatchObject({ success: true, purged: 1 })
  })

  test('another mesh is out of reach: its subjects are refused, and do not exist for whoever asks by a detour', async () => {
    await using team = await teamServer()
    await using blue = await connectAs(team.env('blue'))
    await using red = await connectAs(team.env('red'))
    await blue.js.publish(blue.names.log, 'secret')

    // With red's credentials in blue's mesh: refused at once, as what it is.
    await expect(
      connectAs(team.env('blue', { SLM_MESH_USER: 'red', SLM_MESH_PASSWORD: PASSWORDS.SLM_MESH_PASSWORD_RED })),
    ).rejects.toMatchObject({
      code: 'access_denied',
      message: expect.stringMatching(/slm\.blue\.inbox|SLM_MESH_blue/),
    })
    const { log, snapshot, chunk, stream, inbox } = namesOf('blue')
    for (const subject of [log, snapshot, `${chunk}.1.0`, 'slm.anything', '$JS.API.STREAM.LIST'])
      await expect(red.nc.request(subject, 'x', { timeout: 2_000 })).rejects.toThrow(/[Pp]ermissions [Vv]iolation/)
    await expect(red.jsm.streams.info(stream)).rejects.toThrow(/[Pp]ermissions [Vv]iolation/)
    await expect(red.jsm.streams.purge(stream)).rejects.toThrow(/[Pp]ermissions [Vv]iolation/)
    for (const subject of [log, 'slm.>', '>', `${inbox}.>`, '_INBOX.>']) {
      const subscription = red.nc.subscribe(subject)
      expect(await subscription.closed).toMatchObject({ message: expect.stringMatching(/[Pp]ermissions [Vv]iolation/) })
    }
    // What JetStream answers goes to the subject that the question names.
    red.nc.publish(`$JS.API.STREAM.INFO.${red.names.stream}`, '', { reply: log })
    await red.js.publish(red.names.log, 'x')
    const stolen = { name: 'x', durable_name: 'x', deliver_subject: log, ack_policy: 'none', deliver_policy: 'all' }
    await red.nc.request(
      `$JS.API.CONSUMER.CREATE.${red.names.stream}.x`,
      JSON.stringify({ stream_name: red.names.stream, config: stolen }),
    )
    await red.nc.flush()
    expect((await blue.jsm.streams.info(stream)).state.messages).toBe(1)
  })

  test('agents need no more than these permissions, and hear nothing of the other mesh', async () => {
    await using team = await teamServer()
    const start = (mesh: 'red' | 'blue', n: number) => Agent.start({ env: team.env(mesh, { SLM_MESH_HOST_NAME: `host-${n}` }) })
    await using ann = await start('red', 1)
    await using bob = await start('red', 2)
    await using cid = await start('blue', 3)
    await bob.call('event.subscribe', { types: ['state_changed'] })
    await ann.call('message.send', { to: await bob.name(), message: 'over TLS' })
    expect((await bob.call('message.inbox', { wait: 20 })).messages).toMatchObject([{ payload: 'over TLS' }])
    await ann.call('state.set', { key: 'k', value: 'v' })
    expect(await bob.call('state.get', { key: 'k' })).toMatchObject({ entry: { value: 'v' } })
    // As much as makes a snapshot, with its chunks and purges.
    for (let i = 0; i < 100; i++)
      await bob.call('state.set', { key: `big${i % 10}`, value: randomBytes(45_000).toString('base64') })
    await using lookingOn = await connectAs(team.env('red'))
    const { stream, snapshot } = lookingOn.names
    await eventually(async () => (await lookingOn.jsm.streams.getMessage(stream, { last_by_subj: snapshot })) !== null, {
      every: 500,
    })
    await eventually(() => ann.call('peer.list', {}).then(({ peers }) => peers.length === 1))
    expect((await cid.call('peer.list', {})).peers).toEqual([])
    expect((await cid.call('state.list', {})).entries).toEqual([])
    for (const agent of [ann, bob, cid]) expect(await agent.text('mesh_status')).not.toMatch(/unreachable|does not let us/)
    // Flow control, snapshots, purges: nothing was refused.
    expect(team.server.log).not.toContain('Violation')
  })

  test('whoever is not known is not let in, and whoever does not know the server’s authority does not go in', async () => {
    await using team = await teamServer()
    const denied = { code: 'access_denied' }
    await expect(connectAs(team.env('red', { SLM_MESH_PASSWORD: 'wrong' }))).rejects.toMatchObject(denied)
    await expect(connectAs(team.env('red', { SLM_MESH_USER: '', SLM_MESH_PASSWORD: '' }))).rejects.toMatchObject(denied)
    await expect(connectAs(team.env('red', { SLM_MESH_CA: '' }))).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/certificate is not trusted.*SLM_MESH_CA/),
    })
    const { code, err } = await run(['init'], { HOME: testDir(), ...team.env('red', { SLM_MESH_PASSWORD: 'wrong' }) })
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('does not let us in') })
    expect(err).not.toContain('wrong')
  })
})

test.skipIf(!natsServer)(`three servers by one printed file are a cluster, and keep three copies${needsNats}`, async () => {
  const hosts = ['127.0.0.1', '127.0.0.2', '127.0.0.3']
  const dir = certificates(hosts.map((host) => `IP:${host}`).join(','))
  const [port = 0, monitorPort = 0, routePort = 0] = await freePorts(3)
  const url = `tls://${hosts.map((host) => `${host}:${port}`).join(',')}`
  const conf = await printed('--url', url, '--mesh', 'red', '--replicas', '3')
  const servers = await Promise.all(
    hosts.map((host, i) =>
      startNatsOn(placed(conf, dir, { monitorPort, host, routePort }), {
        ...{ host, port, monitorPort, name: `n${i + 1}` },
        env: { ...PASSWORDS, NATS_NAME: `n${i + 1}` },
      }),
    ),
  )
  try {
    await eventually(() => haveElected(servers), { every: 50 })
    const env = { SLM_MESH_URL: url, SLM_MESH_CA: join(dir, 'ca.pem'), SLM_MESH_USER: 'red', SLM_MESH_PASSWORD: 'pred1' }
    const { code, out } = await run(['init', '--mesh', 'red', '--replicas', '3', '--json'], { HOME: testDir(), ...env })
    expect({ code, ...JSON.parse(out) }).toMatchObject({ code: 0, created: true, replicas: 3 })
    await using red = await connectAs({ ...env, SLM_MESH_MESH: 'red' })
    expect(await red.js.publish(red.names.log, 'x')).toMatchObject({ seq: 1 })
  } finally {
    await Promise.all(servers.map((server) => server.kill()))
  }
})

test.skipIf(!natsServer)(`a creds file, of an account by which an operator has given rights${needsNats}`, async () => {
  const [operator, system, account, user] = [
    nkeys.createOperator(),
    nkeys.createAccount(),
    nkeys.createAccount(),
    nkeys.createUser(),
  ]
  const jwt = (by: nkeys.KeyPair, of: nkeys.KeyPair, name: string, nats: object) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = {
      jti: name,
      iat: Math.floor(Date.now() / 1000),
      iss: by.getPublicKey(),
      name,
      sub: of.getPublicKey(),
      nats: { version: 2, ...nats },
    }
    const text = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`
    return `${text}.${Buffer.from(by.sign(Buffer.from(text))).toString('base64url')}`
  }
  const none = { subs: -1, data: -1, payload: -1 }
  const limits = {
    ...none,
    imports: -1,
    exports: -1,
    wildcards: true,
    conn: -1,
    leaf: -1,
    mem_storage: -1,
    disk_storage: -1,
    streams: -1,
    consumer: -1,
  }
  const { publish, subscribe } = permissionsFor('red')
  const [port = 0, monitorPort = 0] = await freePorts(2)
  const dir = testDir()
  await using _server = await startNatsOn(
    `server_name: n1
listen: "127.0.0.1:${port}"
http: "127.0.0.1:${monitorPort}"
jetstream { store_dir: "${dir}", sync_interval: always }
operator: "${jwt(operator, operator, 'O', { type: 'operator' })}"
resolver: MEMORY
system_account: ${system.getPublicKey()}
resolver_preload: { ${system.getPublicKey()}: "${jwt(operator, system, 'SYS', { type: 'account', limits: none })}", ${account.getPublicKey()}: "${jwt(operator, account, 'A', { type: 'account', limits })}" }
`,
    { port, monitorPort },
  )
  const creds = join(dir, 'red.creds')
  const token = jwt(account, user, 'red', { type: 'user', ...none, pub: { allow: publish }, sub: { allow: subscribe } })
  writeFileSync(
    creds,
    `-----BEGIN NATS USER JWT-----\n${token}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${Buffer.from(user.getSeed()).toString()}\n------END USER NKEY SEED------\n`,
  )
  const env = { SLM_MESH_URL: `nats://127.0.0.1:${port}`, SLM_MESH_MESH: 'red' }
  await using red = await connectAs({ ...env, SLM_MESH_CREDS: creds })
  expect(await red.js.publish(red.names.log, 'x')).toMatchObject({ seq: 1 })
  await expect(connectAs({ ...env, SLM_MESH_MESH: 'blue', SLM_MESH_CREDS: creds })).rejects.toMatchObject({
    code: 'access_denied',
  })
  await expect(connectAs(env)).rejects.toMatchObject({ code: 'access_denied' })
  await expect(connectAs({ ...env, SLM_MESH_CREDS: join(dir, 'none') })).rejects.toMatchObject({ code: 'setting' })
})

test.skipIf(!natsServer)(`a certificate of the right authority for another name is refused${needsNats}`, async () => {
  const dir = certificates('DNS:elsewhere,IP:127.0.0.9')
  const [port = 0, monitorPort = 0] = await freePorts(2)
  const conf = placed(await printed('--url', `tls://localhost:${port}`, '--mesh', 'red'), dir, { monitorPort })
  await using _server = await startNatsOn(conf, { port, monitorPort, env: { NATS_NAME: 'n1', ...PASSWORDS } })
  for (const host of ['localhost', '127.0.0.1'])
    await expect(
      connectAs({
        SLM_MESH_URL: `tls://${host}:${port}`,
        SLM_MESH_CA: join(dir, 'ca.pem'),
        SLM_MESH_USER: 'red',
        SLM_MESH_PASSWORD: 'pred1',
      }),
    ).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('it is for DNS:elsewhere') })
})
