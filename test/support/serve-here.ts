import { PassThrough } from 'node:stream'
import { serve } from '../../src/mcp/main.ts'
import { dataDir, meshEnv } from './data-dir.ts'
import { eventually } from './eventually.ts'

/** The MCP server in the test's own process, before clients that only begin, or that it refuses to serve. */
export function serveHere(env: Record<string, string> = {}, dir = dataDir()) {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()]
  let [out, err] = ['', '']
  stdout.setEncoding('utf8').on('data', (chunk) => {
    out += chunk
  })
  const code = serve({
    ...{ env: meshEnv(dir, env), cwd: '/', stdin, stdout, onSignal: () => {}, parentPid: () => process.ppid },
    stderr: (line) => {
      err += line
    },
  })
  return {
    dir,
    /** How it ended by itself. */
    ended: async () => ({ code: await code, out, err }),
    /** Its answer to a client that asks for this version of the protocol, and then goes. */
    async greets(protocolVersion: string): Promise<{ protocolVersion: string }> {
      const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'here', version: '1' } }
      stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })}\n`)
      await eventually(() => out.includes('\n'))
      stdin.end()
      await code
      return JSON.parse(out).result
    },
  }
}
