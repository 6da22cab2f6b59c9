import { fstatSync, writeSync } from 'node:fs'

/** Writes text, and then tells whether it has been taken. */
type Write = (text: string, done: (error?: Error | null) => void) => void

/**
 * Standard output, or error. To a file or a pipe it is written at once: for Node's own stream, sockets have to be loaded,
 * which takes as long as all that a simple command does. `stream` is asked for where it is needed: for a terminal, and as
 * soon as a pipe that does not block is full.
 */
export function output(fd: 1 | 2, stream: () => NodeJS.WriteStream): Write {
  let opened: NodeJS.WriteStream | undefined
  const slowly = (data: string | Buffer, done: (error?: Error | null) => void) => {
    // Each write tells of its own error.
    opened ??= stream().on('error', () => {})
    opened.write(data, done)
  }
  if (!isPlain(fd)) return slowly
  return (text, done) => {
    // Once there is something that waits, all the rest comes after it.
    if (opened) return slowly(text, done)
    let rest = Buffer.from(text)
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest))
    } catch (error) {
      if (!(error instanceof Error)) throw error
      return 'code' in error && error.code === 'EAGAIN' ? slowly(rest, done) : done(error)
    }
    done()
  }
}

/** No terminal, and nothing that only Node's streams know how to write to, as Windows has it. */
export function isPlain(fd: 1 | 2): boolean {
  if (process.platform === 'win32') return false
  const stat = fstatSync(fd)
  // What a Node program gives its children as pipes are sockets.
  return stat.isFile() || stat.isFIFO() || stat.isSocket()
}
