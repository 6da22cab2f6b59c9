import { JetStreamApiError, type StreamInfo } from '@nats-io/jetstream'
import { addStream, dial, infoOf, managerOf } from './connect.ts'
import { natsFailure } from './failure.ts'
import { streamConfig, unfitStream } from './server.ts'
import { type NatsSettings, namesOf } from './settings.ts'

/**
 * Makes the mesh's stream, or brings the one that is there to the shape that is asked for; what is not asked for stays. What
 * it says is read back from the server. Throws `unreachable`, `server_unfit`, `access_denied` or `setting`.
 */
export async function initStream(
  settings: NatsSettings,
  { replicas, maxBytes }: { replicas: number | undefined; maxBytes: number | undefined },
): Promise<{ created: boolean; info: StreamInfo }> {
  const names = namesOf(settings.mesh)
  const nc = await dial(settings)
  try {
    const jsm = await managerOf(nc)
    const there = await infoOf(jsm, names.stream)
    const wish = {
      replicas: replicas ?? there?.config.num_replicas ?? 1,
      maxBytes: maxBytes ?? there?.config.max_bytes ?? -1,
    }
    if (!there) await addStream(jsm, settings.mesh, wish)
    else if (unfitStream(there, names, settings.url) || isOther(there, wish))
      await jsm.streams.update(names.stream, streamConfig(settings.mesh, wish))
    const info = await jsm.streams.info(names.stream)
    const unfit = unfitStream(info, names, settings.url)
    if (unfit) throw unfit
    return { created: !there, info }
  } catch (error) {
    throw natsFailure(error, settings, error instanceof JetStreamApiError ? `make the stream ${names.stream}` : 'make the stream')
  } finally {
    await nc.close()
  }
}

const isOther = ({ config }: StreamInfo, { replicas, maxBytes }: { replicas: number; maxBytes: number }) =>
  config.num_replicas !== replicas || config.max_bytes !== maxBytes
