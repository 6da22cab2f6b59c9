import { leaderRow } from './mesh-file.ts'

interface Health {
  term: number
  pid: number
}

/** What answers `/health` on that port; throws where nobody does. */
export async function health(port: number): Promise<Health> {
  const response = await fetch(`http://127.0.0.1:${port}/health`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(1_000),
  })
  if (response.status !== 200) throw new Error(`/health answered ${response.status}`)
  return (await response.json()) as Health // checked by whoever asks
}

/** The leader that the file names and that answers as such on the port it has published; false while there is none. */
export async function servingLeader(dir: string): Promise<{ term: number; pid: number; port: number } | false> {
  const { term, pid, port, peer_id } = leaderRow(dir)
  if (peer_id === null || pid === null || port === null) return false
  const answer = await health(port)
  return answer.term === term && answer.pid === pid && { term, pid, port }
}
