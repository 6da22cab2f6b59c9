import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import {
  ErrorCode,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { escaped } from '../core/visible.ts'
import type { Joined, Session } from './session.ts'

/**
 * The mesh as MCP resources, for clients that show them. An update wakes no agent and reaches no model: it only lets
 * a client that displays a resource read it again.
 */

interface Resource {
  readonly title: string
  readonly description: string
  /** The events after which it reads differently. */
  readonly changedBy: readonly string[]
  read(joined: Joined): Promise<unknown>
}

const resources: Record<string, Resource> = {
  'mesh://peers': {
    title: 'Peers',
    description: 'The AI coding sessions on this machine',
    changedBy: ['peer_joined', 'peer_left', 'peer_updated'],
    read: ({ peer }) => peer.call('peer.list', {}),
  },
  'mesh://inbox': {
    title: 'Inbox',
    description: 'Unread messages; reading them here does not mark them as read',
    changedBy: ['message_received'],
    read: async ({ peer }) => ({ messages: await peer.store.messages.unread(peer.self.id, {}, 50) }),
  },
  'mesh://locks': {
    title: 'Locks',
    description: 'Who holds which files',
    changedBy: ['file_locked', 'file_unlocked'],
    read: ({ peer }) => peer.call('lock.query', {}),
  },
  'mesh://events': {
    title: 'Events',
    description: 'The latest events',
    changedBy: ['*'],
    read: ({ peer }) => peer.store.events.readLatest(['*'], 50),
  },
  'mesh://status': {
    title: 'Status',
    description: 'Leader, counts and sizes',
    changedBy: ['leader_elected', 'peer_joined', 'peer_left'],
    read: ({ peer }) => peer.call('mesh.status', {}),
  },
}

const STATE = 'mesh://state/'

function find(uri: string): Resource {
  const known = resources[uri]
  if (known && Object.hasOwn(resources, uri)) return known
  const namespace = uri.startsWith(STATE) ? decode(uri.slice(STATE.length)) : ''
  if (namespace === '') throw new McpError(ErrorCode.InvalidParams, `there is no resource ${uri}`)
  return {
    title: `State: ${namespace}`,
    description: 'Values shared by all sessions',
    changedBy: ['state_changed'],
    read: ({ peer }) => peer.call('state.list', { namespace }),
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

const PURPOSE = 'resource'

export function serveResources(server: Server, session: Session): void {
  const subscribed = new Set<string>()
  let watching: AbortController | undefined

  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: Object.entries(resources).map(([uri, { title, description }]) => ({
      uri,
      name: title.toLowerCase(),
      title,
      description,
      mimeType: 'application/json',
    })),
  }))
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [
      {
        uriTemplate: `${STATE}{namespace}`,
        name: 'state',
        title: 'Shared state',
        description: 'The values of one namespace',
        mimeType: 'application/json',
      },
    ],
  }))
  server.setRequestHandler(ReadResourceRequestSchema, async ({ params: { uri } }) => {
    const content = await find(uri).read(await session.join())
    return { contents: [{ uri, mimeType: 'application/json', text: escaped(JSON.stringify(content)) }] }
  })
  server.setRequestHandler(SubscribeRequestSchema, async ({ params: { uri } }) => {
    const { changedBy } = find(uri)
    const joined = await session.join()
    await joined.peer.store.events.subscribe(joined.peer.self.id, changedBy, PURPOSE)
    subscribed.add(uri)
    if (!watching) {
      watching = new AbortController()
      watch(joined, watching.signal).catch((error: unknown) => joined.peer.log.warn('resources are no longer watched', { error }))
    }
    return {}
  })
  server.setRequestHandler(UnsubscribeRequestSchema, async ({ params: { uri } }) => {
    subscribed.delete(uri)
    if (subscribed.size === 0) {
      watching?.abort()
      watching = undefined
      const { peer } = await session.join()
      await peer.store.events.unsubscribe(peer.self.id, [], PURPOSE)
    }
    return {}
  })

  /** After each ring: which events have come, and which subscribed resources do they concern? */
  async function watch({ peer }: Joined, signal: AbortSignal): Promise<void> {
    let cursor = await peer.store.events.lastSeq()
    while (!signal.aborted && server.transport) {
      const heard = peer.bell.count
      const { events } = await peer.store.events.readAfter(cursor, ['*'], 200)
      cursor = events.at(-1)?.seq ?? cursor
      const types = new Set(events.map(({ type }) => type))
      for (const uri of subscribed)
        if (find(uri).changedBy.some((type) => (type === '*' ? events.length > 0 : types.has(type))))
          await server.sendResourceUpdated({ uri }).catch(() => {})
      if (events.length === 0) await peer.bell.wait(heard, 60_000, signal)
    }
  }
}
