import { lstatSync } from 'node:fs'
import { createConnection } from 'node:net'
import type { Environment } from '../../core/config.ts'
import type { WakeRoute } from '../waking.ts'

/**
 * Claude Code's own inbox: a session (2.1.224 and later) listens on a socket and tells its children where. A line there
 * starts a turn of an idle session, and joins the running turn of a busy one. We post into our own session only, and only
 * a pointer: it is shown as a message of another session, and its prompt hook then shows the mail itself. Nothing is
 * answered, and a session may be set to refuse, so nothing is proven by it.
 *
 * Source: Claude Code's page on messages between sessions; the lines as seen with 2.1.332.
 */

const PATIENCE_MS = 2_000

export function claudeInbox(env: Environment): WakeRoute | undefined {
  const path = env.CLAUDE_CODE_MESSAGING_SOCKET
  const token = env.CLAUDE_CODE_MESSAGING_TOKEN
  if (!path) return undefined
  let count = 0
  return {
    name: 'claude-inbox',
    isOpen: () => isOwnSocket(path),
    async wake(text) {
      count++
      const lines = [
        ...(token ? [{ type: 'auth', token }] : []),
        // Repeated texts are dropped there: each wears its number.
        { type: 'user', message: { role: 'user', content: `${text} (#${count})` }, priority: 'next' },
      ]
      await post(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
      return false
    },
  }
}

/** The token goes to a socket of this user's, and nowhere else. A pipe of Windows has no owner to look at. */
function isOwnSocket(path: string): boolean {
  if (process.platform === 'win32') return true
  try {
    const found = lstatSync(path)
    return found.isSocket() && found.uid === process.getuid?.()
  } catch {
    return false
  }
}

function post(path: string, lines: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path)
    socket.unref()
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('the inbox does not take it')))
    socket.once('error', reject)
    socket.once('close', () => resolve())
    socket.resume()
    socket.end(lines)
  })
}
