// Real nats-servers for a bench, which answer once what they acknowledge is on the disk.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { home } from './world.mjs'

const places = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].map((dir) => join(dir, 'nats-server'))
const binary = process.env.SLM_MESH_NATS_SERVER ?? places.find((path) => existsSync(path))

/** One, or three that are a cluster. Undefined, and said so, where there is no nats-server. */
export async function startNats(count) {
  if (!binary) return void console.error('no nats-server here: its engine is not measured')
  const ports = await freePorts(2 * count)
  const routes = ports.slice(count).map((port) => `"nats://127.0.0.1:${port}"`)
  const servers = ports.slice(0, count).map((port, i) => {
    const dir = mkdtempSync(join(home, 'nats-'))
    const cluster = `cluster { name: bench, listen: "127.0.0.1:${ports[count + i]}", routes: [${routes}] }`
    const lines = [
      `server_name: n${i}`,
      `listen: "127.0.0.1:${port}"`,
      `jetstream { store_dir: "${dir}", sync_interval: always }`,
      count > 1 ? cluster : '',
    ]
    writeFileSync(join(dir, 'conf'), lines.join('\n'))
    const child = spawn(binary, ['-c', join(dir, 'conf'), '-l', join(dir, 'log')], { stdio: 'ignore' })
    return { port, child, log: () => (existsSync(join(dir, 'log')) ? readFileSync(join(dir, 'log'), 'utf8') : '') }
  })
  const isReady = ({ log }) => log().includes('Server is ready')
  const hasLeader = ({ log }) => log().includes('JetStream cluster new metadata leader')
  while (!servers.every(isReady) || (count > 1 && !servers.some(hasLeader)))
    await new Promise((resolve) => setTimeout(resolve, 20))
  return {
    url: servers.map(({ port }) => `nats://127.0.0.1:${port}`).join(','),
    async end() {
      for (const { child } of servers) {
        const gone = new Promise((resolve) => child.once('exit', resolve))
        child.kill()
        await gone
      }
    },
  }
}

async function freePorts(count) {
  const listening = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await new Promise((resolve) => server.once('listening', resolve))
      return server
    }),
  )
  const ports = listening.map((server) => server.address().port)
  await Promise.all(listening.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
