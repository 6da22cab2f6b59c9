import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Gives the run one directory under which every test has its own, and fails the run if any process that was
 * started for it is still alive at the end.
 */
export default function setup() {
  const root = mkdtempSync(join(tmpdir(), 'mt-'))
  process.env.SLM_MESH_TEST_ROOT = root
  return async () => {
    const deadline = Date.now() + 30_000
    let left = processesWith(`SLM_MESH_DATA_DIR=${root}`)
    while (left.length > 0 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      left = processesWith(`SLM_MESH_DATA_DIR=${root}`)
    }
    for (const { pid } of left) process.kill(pid, 'SIGKILL')
    rmSync(root, { recursive: true, force: true })
    if (left.length > 0) throw new Error(`left running: ${left.map(({ pid, command }) => `${pid} ${command}`).join('; ')}`)
  }
}

/** Processes in whose environment stands `entry`, or begins with it. Linux only; elsewhere nothing is found. */
export function processesWith(entry: string): { pid: number; command: string }[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        if (!readFileSync(`/proc/${name}/environ`, 'utf8').includes(entry)) return []
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
        return command === '' ? [] : [{ pid: Number(name), command }]
      } catch {
        return [] // gone meanwhile, or not ours to see
      }
    })
}
