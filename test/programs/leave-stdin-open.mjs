// A client that starts an MCP server, and another process that holds on to the server's standard input (as a shell, a
// terminal or a forgotten helper may). When the client is killed, the server's input does not end.
// Usage: node leave-stdin-open.mjs <program>. Says the pids of the server and of the other process on stderr.
import { spawn } from 'node:child_process'

const server = spawn(process.execPath, process.argv.slice(2), { stdio: ['pipe', 'inherit', 'inherit'] })
const holder = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], {
  stdio: ['ignore', 'ignore', 'ignore', server.stdin],
})
process.stderr.write(`server ${server.pid}\nholder ${holder.pid}\n`)
process.stdin.pipe(server.stdin)
