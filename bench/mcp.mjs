// A bare MCP client over stdio: what it adds to a call is the same for the mesh and for the floor.
import { spawn } from 'node:child_process'
import { performance } from 'node:perf_hooks'
import { root } from './world.mjs'

export class Session {
  #next = 1
  #asked = new Map()
  #rest = ''
  /** Called with every notification. */
  onNotification = () => {}

  constructor(args, env, cwd = root) {
    this.startedAt = performance.now()
    this.child = spawn(process.execPath, args, {
      cwd,
      env,
      stdio: ['pipe', 'pipe', process.env.BENCH_STDERR ? 'inherit' : 'ignore'],
    })
    this.exited = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.stdin.on('error', () => {})
    this.child.stdout.setEncoding('utf8')
    this.child.stdout.on('data', (chunk) => {
      const lines = (this.#rest + chunk).split('\n')
      this.#rest = lines.pop()
      for (const line of lines) this.#receive(JSON.parse(line))
    })
  }

  get pid() {
    return this.child.pid
  }

  #receive(message) {
    const resolve = this.#asked.get(message.id)
    if (!resolve) return this.onNotification(message)
    this.#asked.delete(message.id)
    resolve(message)
  }

  notify(method, params) {
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method, params })}\n`)
  }

  /** Resolves to the answer's result. */
  async ask(method, params) {
    const id = this.#next++
    const answer = new Promise((resolve) => this.#asked.set(id, resolve))
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`)
    const { result, error } = await answer
    if (error) throw new Error(`${method}: ${error.message}`)
    return result
  }

  async initialize(client = 'bench') {
    const clientInfo = { name: client, version: '1' }
    await this.ask('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo })
    this.notify('notifications/initialized')
  }

  /** A tool's structured answer. */
  async tool(name, args = {}) {
    const result = await this.ask('tools/call', { name, arguments: args })
    if (result.isError) throw new Error(`${name}: ${result.content[0].text}`)
    return result.structuredContent
  }

  /** Of one call, in ms. */
  async time(name, args) {
    const startedAt = performance.now()
    await this.tool(name, args)
    return performance.now() - startedAt
  }

  async end() {
    this.child.stdin.end()
    await this.exited
  }
}
