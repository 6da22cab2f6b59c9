import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import type { WakeRoute } from '../waking.ts'

/**
 * Claude Code's channels, for a session whose user has asked for ours when starting it. Whether it was also admitted cannot
 * be known: what is not is dropped without a word. So it proves nothing, and comes last. The permission half of channels is
 * never declared: a peer could approve tools with it.
 *
 * Source: Claude Code's channels reference. Documented, not seen: the feature could not be switched on.
 */
export const CHANNEL_CAPABILITY = { 'claude/channel': {} }

export function claudeChannel(server: Server, asked: boolean): WakeRoute | undefined {
  if (!asked) return undefined
  return {
    name: 'claude-channel',
    isOpen: () => true,
    isUnseen: true,
    async wake(text) {
      await server.notification({ method: 'notifications/claude/channel', params: { content: text } })
      return false
    },
  }
}

/** Whether the words that started the client ask for a channel of that server. */
export function asksForChannel(argv: readonly string[], server: string): boolean {
  const at = argv.findIndex((word) => /^--(channels|dangerously-load-development-channels)(=|$)/.test(word))
  if (at === -1) return false
  const [, inline] = (argv[at] ?? '').split(/=(.*)/s)
  const rest = argv.slice(at + 1)
  const end = rest.findIndex((word) => word.startsWith('-'))
  const values = [...(inline === undefined ? [] : [inline]), ...(end === -1 ? rest : rest.slice(0, end))]
  return values.some((value) => value.split(',').some((one) => one === `server:${server}` || one.startsWith(`plugin:${server}@`)))
}
