// Everything that must hold of the source and the package, at once: what each says is shown when it ends, and any failure
// is this one's. `npm run check:types` and the others run one of them.
import { spawn } from 'node:child_process'

/** Those of one list run one after the other: the package is what the build has made. */
const lists = [['check:types'], ['build', 'check:package'], ['check:dead'], ['check:imports'], ['check:lint']]

const run = (script) =>
  new Promise((resolve) => {
    const child = spawn('npm', ['run', '--silent', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32', // npm is a batch file there
    })
    const said = []
    child.stdout.on('data', (chunk) => said.push(chunk))
    child.stderr.on('data', (chunk) => said.push(chunk))
    child.once('close', (code) => {
      process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'} ${script}\n`)
      if (code !== 0) process.stdout.write(Buffer.concat(said))
      resolve(code === 0)
    })
  })

const outcomes = await Promise.all(
  lists.map(async (scripts) => {
    for (const script of scripts) if (!(await run(script))) return false
    return true
  }),
)
process.exitCode = outcomes.every(Boolean) ? 0 : 1
