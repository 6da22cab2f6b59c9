// Makes many sockets and dies without removing them, as a killed peer does.
// Usage: node leave-sockets.mjs <directory> <count>
import { createServer } from 'node:net'
import { join } from 'node:path'

const [dir, count] = process.argv.slice(2)
for (let i = 0; i < Number(count); i++)
  await new Promise((listening) =>
    createServer().listen(join(dir, `${i.toString(16).padStart(8, '0')}.sock`), () => listening(undefined)),
  )
process.kill(process.pid, 'SIGKILL')
