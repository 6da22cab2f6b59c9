import { createConnection } from 'node:net'
import { isGone } from '../../peer/process-identity.ts'
import { type Check, type Found, ok, warn } from './check.ts'

/** Who holds the home port, and on which one does the leader serve? */
export const port: Check = async ({ config, rows }) => {
  const { peer, port: served } = rows().leadership
  const leading = peer && !isGone(peer.process) ? served : null
  return judgePort({ home: config.port, leading, isHeld: await isHeld(config.host, config.port) })
}

/** Pure. `leading`: where the living leader serves, if one does. */
export function judgePort({ home, leading, isHeld }: { home: number; leading: number | null; isHeld: boolean }): Found {
  if (home === 0) return ok(leading === null ? 'any free one' : `any free one; the leader serves on ${leading}`)
  if (leading === home) return ok(`the leader serves on ${home}`)
  const who = `ss -ltnp 'sport = :${home}' or lsof -iTCP:${home} -sTCP:LISTEN names it; or set SLM_MESH_PORT`
  if (leading !== null)
    return isHeld
      ? warn(`another program holds ${home}, so the leader serves on ${leading}`, who)
      : ok(`the leader serves on ${leading}; ${home} is free, and it moves there by itself`)
  return isHeld ? warn(`another program holds ${home}: a leader would serve on one of the next`, who) : ok(`${home} is free`)
}

const KNOCK_MS = 300

/** Whether anybody listens there. Asked by connecting: taking the port, even for a moment, could be in a leader's way. */
function isHeld(host: string, port: number): Promise<boolean> {
  if (port === 0) return Promise.resolve(false)
  return new Promise((resolve) => {
    const socket = createConnection({ host, port })
    const done = (held: boolean) => {
      socket.destroy()
      resolve(held)
    }
    socket.setTimeout(KNOCK_MS, () => done(true)) // its backlog is full
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
  })
}
