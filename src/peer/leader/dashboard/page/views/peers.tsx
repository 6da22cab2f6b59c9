import type { OverviewPeer } from '../../contract.ts'
import { useChosen, useKnown, useNow, usePage } from '../view.ts'
import { agoOf, baseOf, shown } from '../words.ts'
import { Copy, Empty, PeerLink, Text } from './parts.tsx'

const reaches: Readonly<Record<OverviewPeer['reach'], string>> = {
  wake: 'Mail wakes it',
  hooks: 'Mail is handed to it at its next step',
  poll: 'It sees mail when it looks',
}
const ORDER = { active: 0, stale: 1, away: 2 }

/** Everybody, with what they are doing. */
export function Peers() {
  const overview = useKnown((known) => known.overview)
  const peer = useChosen((chosen) => chosen.peer)
  const now = useNow()
  if (!overview) return null
  const peers = overview.peers
    .filter(({ id, kind }) => (peer === null ? kind !== 'known' : id === peer))
    .sort((a, b) => ORDER[a.status] - ORDER[b.status] || (a.name < b.name ? -1 : 1))
  if (peers.length === 0)
    return <Empty title="No peers">Start an agent that has the mesh; slm-mesh setup connects those that have not.</Empty>
  const isOneHost = new Set(overview.peers.flatMap(({ host }) => host ?? [])).size < 2
  return (
    <section aria-label="List of peers">
      <ul class="peer-list">
        {peers.map((each) => (
          <Row
            key={each.id}
            peer={each}
            host={isOneHost ? undefined : each.host}
            now={now}
            leads={each.id === overview.leader?.id}
          />
        ))}
      </ul>
    </section>
  )
}

function Row({ peer, host, now, leads }: { peer: OverviewPeer; host: string | undefined; now: number; leads: boolean }) {
  const { chosen } = usePage()
  const write = () => {
    chosen.set({ view: 'mail', thread: null, draft: { to: peer.id } })
    requestAnimationFrame(() => document.getElementById('compose-text')?.focus())
  }
  return (
    <li class={`peer ${peer.status}`}>
      <div class="peer-head">
        <i class={`status-dot ${peer.status}`} aria-hidden="true" />
        <PeerLink id={peer.id} name={peer.name} />
        <span class="tag">{peer.agentType}</span>
        {host !== undefined && (
          <span class="tag" title="Its machine">
            <Text of={host} />
          </span>
        )}
        {leads && <span class="tag lead">leads</span>}
        <span class={`tag status-${peer.status}`}>{peer.status}</span>
        {peer.unread > 0 && <span class="tag unread">{peer.unread} unread</span>}
      </div>
      <p class={peer.summary === '' ? 'summary none' : 'summary'}>
        {peer.summary === '' ? 'Has not said what it works on' : <Text of={peer.summary} />}
      </p>
      <dl class="facts">
        <div>
          <dt>Project</dt>
          <dd title={shown(peer.projectPath)}>
            <Text of={baseOf(peer.projectPath)} />
          </dd>
        </div>
        <div>
          <dt>Branch</dt>
          <dd>{peer.gitBranch === null ? '–' : <Text of={peer.gitBranch} />}</dd>
        </div>
        <div>
          <dt>Reach</dt>
          <dd title={reaches[peer.reach]}>{peer.reach}</dd>
        </div>
        <div>
          <dt>Seen</dt>
          <dd>{agoOf(peer.lastHeartbeat, now)}</dd>
        </div>
      </dl>
      <div class="peer-actions">
        <button type="button" class="quiet" onClick={write} aria-label={`Message ${shown(peer.name)}`}>
          Message
        </button>
        <Copy text={peer.id} what="id" of={shown(peer.name)} />
      </div>
    </li>
  )
}
