import { createServer } from 'node:net'

/**
 * Below the range from which systems take the ports of connections: a killed server's port is not given to somebody else
 * before it comes back, and a client that knocks there never finds itself.
 */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const found: number[] = []
  while (found.length < count) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    if (!found.includes(port) && (await isFree(port, host))) found.push(port)
  }
  return found
}

const isFree = (port: number, host: string) =>
  new Promise<boolean>((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
