import { expect, test } from 'vitest'
import { testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { natsServer, needsNats, startNats } from '../support/nats.ts'
import { run } from '../support/run.ts'
import { twoHosts } from '../support/two-hosts.ts'

const hosts = natsServer ? twoHosts() : { refused: 'no server' }
const needsHosts = 'refused' in hosts ? ' (skipped: no network namespaces can be made here)' : ''
if (natsServer && 'refused' in hosts) console.warn(`two hosts: NOT TESTED here: ${hosts.refused}`)

test.skipIf('refused' in hosts)(
  `a server on one host is reached from the other, until the wire between them is cut${needsNats || needsHosts}`,
  async () => {
    if ('refused' in hosts) return
    await using two = hosts
    await using nats = await startNats({ host: two.a.address, via: two.a.via })
    const ask = async (host: typeof two.a) => {
      const env = { HOME: testDir(), SLM_MESH_URL: nats.url }
      const { code, err } = await run(['init', '--json'], env, { command: [...host.via, process.execPath] })
      return { code, err }
    }
    for (const host of [two.a, two.b]) expect(await ask(host)).toEqual({ code: 0, err: '' })
    two.cut()
    const [here, there] = await Promise.all([ask(two.a), ask(two.b)])
    expect(here.code).toBe(0)
    expect(there).toEqual({ code: 1, err: expect.stringContaining('cannot be reached') })
    two.mend()
    await eventually(async () => (await ask(two.b)).code === 0)
    // Nobody else is on the wire.
    expect((await run(['init', '--json'], { HOME: testDir(), SLM_MESH_URL: nats.url })).code).toBe(1)
  },
)
