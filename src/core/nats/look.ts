import type { StreamInfo } from '@nats-io/jetstream'
import type { NatsConnection, ServerInfo } from '@nats-io/transport-node'
import { monotonicMs } from '../clock.ts'
import { MeshError } from '../errors.ts'
import { dial, infoOf, managerOf } from './connect.ts'
import { natsFailure } from './failure.ts'
import { unfitStream } from './server.ts'
import { type NatsSettings, namesOf } from './settings.ts'

/** What the servers say of themselves. Looking makes nothing: a stream that is missing stays so. */
export interface Look {
  /** Each that the settings name, in their order. */
  readonly servers: readonly ({ readonly server: string } & ({ readonly info: ServerInfo } | { readonly failure: MeshError }))[]
  /** Undefined where no server let us ask, null where there is none. */
  readonly stream: StreamInfo | null | undefined
  /** Why the stream cannot be asked for, or used. */
  readonly problem: MeshError | undefined
  /** Medians, in milliseconds: to the server and back, and to whoever leads the stream and back. */
  readonly latency: { readonly serverMs: number; readonly leaderMs: number; readonly rounds: number } | undefined
}

/** Doctor waits no longer for all of it than for any of its questions. */
const DIAL_TIMEOUT_MS = 1_200
const ROUNDS = 20
const ROUNDS_MS = 500

export async function look(settings: NatsSettings): Promise<Look> {
  const connections: NatsConnection[] = []
  try {
    const servers = await Promise.all(
      settings.servers.map(async (server) => {
        try {
          const nc = await dial({ ...settings, servers: [server] }, DIAL_TIMEOUT_MS)
          connections.push(nc)
          if (nc.info) return { server, info: nc.info }
          throw new Error('it has not said what it is')
        } catch (error) {
          if (error instanceof MeshError) return { server, failure: error }
          throw error
        }
      }),
    )
    const [first] = connections
    const asked = first ? await askFor(first, settings) : { stream: undefined, problem: undefined, latency: undefined }
    return { servers, ...asked }
  } finally {
    await Promise.all(connections.map((nc) => nc.close()))
  }
}

async function askFor(nc: NatsConnection, settings: NatsSettings): Promise<Omit<Look, 'servers'>> {
  const names = namesOf(settings.mesh)
  try {
    const jsm = await managerOf(nc)
    const stream = (await infoOf(jsm, names.stream)) ?? null
    const [serverMs, leaderMs] = [[] as number[], [] as number[]]
    const began = monotonicMs()
    while (stream && leaderMs.length < ROUNDS && monotonicMs() - began < ROUNDS_MS) {
      serverMs.push(await timeOf(() => nc.rtt()))
      leaderMs.push(await timeOf(() => infoOf(jsm, names.stream)))
    }
    const latency =
      leaderMs.length === 0 ? undefined : { serverMs: median(serverMs), leaderMs: median(leaderMs), rounds: leaderMs.length }
    return { stream, latency, problem: stream ? unfitStream(stream, names, settings.url) : undefined }
  } catch (error) {
    const problem = natsFailure(error, settings, `ask for the stream ${names.stream}`)
    if (problem instanceof MeshError) return { stream: undefined, latency: undefined, problem }
    throw error
  }
}

async function timeOf(run: () => Promise<unknown>): Promise<number> {
  const began = monotonicMs()
  await run()
  return monotonicMs() - began
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
