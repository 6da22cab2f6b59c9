import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/**
 * The lines of a log that is rotated: what stands in `path.1` and `path`, and later what has been added, each line once.
 * A file is known by its inode, so that it goes on where it was when it has been moved to `path.1`; a file that is missing
 * is empty; one that has become shorter is read anew.
 */
export function createTail(path: string) {
  let known = new Map<number, number>()

  /** Whole lines from where the last reading ended; with `all`, also one that has no end yet. */
  return function read(all = false): string[] {
    const seen = new Map<number, number>()
    const lines: string[] = []
    for (const file of [`${path}.1`, path]) {
      const found = open(file)
      if (!found) continue
      try {
        if (seen.has(found.inode)) continue // moved between our two looks
        const before = known.get(found.inode) ?? 0
        const start = before <= found.sizeBytes ? before : 0
        const bytes = bytesOf(found.descriptor, start, found.sizeBytes - start)
        const end = all ? bytes.length : bytes.lastIndexOf('\n') + 1
        seen.set(found.inode, start + end)
        lines.push(
          ...bytes
            .toString('utf8', 0, end)
            .split('\n')
            .filter((line) => line !== ''),
        )
      } finally {
        closeSync(found.descriptor)
      }
    }
    known = seen
    return lines
  }
}

function open(path: string) {
  try {
    const descriptor = openSync(path, 'r')
    const { ino: inode, size: sizeBytes } = fstatSync(descriptor)
    return { descriptor, inode, sizeBytes }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function bytesOf(descriptor: number, start: number, length: number): Buffer {
  const buffer = Buffer.alloc(length)
  let filled = 0
  while (filled < length) {
    const read = readSync(descriptor, buffer, filled, length - filled, start + filled)
    if (read === 0) break
    filled += read
  }
  return buffer.subarray(0, filled)
}
