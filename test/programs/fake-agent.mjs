// An agent as far as its processes go: it starts its MCP server and its hooks, each behind a shell, as npx does.
// Usage: node fake-agent.mjs <program> <client's name> [without-server]
// A line of standard input is a hook to run, as {"args", "input"}; its outcome is a line of standard output.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const [program, name, withoutServer] = process.argv.slice(2)
// With something to do after it, no shell replaces itself by the program.
const inShell = (args, stdio) => spawn('sh', ['-c', '"$0" "$@"; exit $?', process.execPath, program, ...args], { stdio })

const say = (value) => console.log(JSON.stringify(value))

if (!withoutServer) {
  const server = inShell(['mcp'], ['pipe', 'pipe', 'inherit'])
  const lines = createInterface(server.stdout)[Symbol.asyncIterator]()
  const send = (message) => server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  const ask = async (id, method, params) => {
    send({ id, method, params })
    return JSON.parse((await lines.next()).value).result
  }
  const clientInfo = { name, version: '1' }
  await ask(1, 'initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo })
  send({ method: 'notifications/initialized' })
  await ask(2, 'tools/call', { name: 'mesh_status', arguments: {} })
  process.stdin.once('end', () => server.stdin.end())
}
say('ready')

for await (const line of createInterface(process.stdin)) {
  const { args, input } = JSON.parse(line)
  const hook = inShell(['hook', ...args], ['pipe', 'pipe', 'inherit'])
  hook.stdin.end(JSON.stringify(input))
  let out = ''
  hook.stdout.on('data', (chunk) => {
    out += chunk
  })
  hook.once('close', (code) => say({ code, out }))
}
