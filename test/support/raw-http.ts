import { connect } from 'node:net'

/** What a server answers to exactly these bytes: everything until it closes, or is quiet after its first answer. */
export function askRaw(
  port: number,
  bytes: string | Uint8Array,
  { host = '127.0.0.1', untilClosed = false } = {},
): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    let answer = ''
    const done = () => {
      socket.destroy()
      resolve(answer)
    }
    socket.setEncoding('latin1')
    socket.on('connect', () => socket.write(bytes))
    socket.on('data', (chunk) => {
      answer += chunk
      if (!untilClosed && isWhole(answer)) done()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
  })
}

/** Headers, and as much body as they announce. */
function isWhole(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n')
  const length = Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? 0)
  return end !== -1 && answer.length >= end + 4 + length
}

/** The status code of an answer; 0 where the connection was closed without one. */
export const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0)
