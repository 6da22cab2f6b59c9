import type { Peer } from '../core/peer.ts'
import type { Column } from './table.ts'

/** On which machine each is: only where they are on several. */
export const hostColumn = (peers: readonly Peer[]): readonly Column<Peer>[] =>
  new Set(peers.map(({ host }) => host)).size > 1 ? [{ title: 'HOST', of: ({ host }) => host ?? '' }] : []
