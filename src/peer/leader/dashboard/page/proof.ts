import { Refused } from './ask.ts'

/**
 * Whoever answers on the leader's port must show that it is one before it is told the key: while nobody leads, any user of
 * the machine can listen there. Only who can read the mesh's file knows the SHA-256 of the key, and signs a challenge with
 * it, together with the port that it listens on, so that a stranger cannot have the leader sign in its place.
 */

/** Rejects with `Refused`: `offline` where nobody answers, or a stranger does; 401 where the leader knows no such key. */
export async function prove(key: string, port: string): Promise<void> {
  const digest = hex(await crypto.subtle.digest('SHA-256', bytes(key)))
  const challenge = hex(crypto.getRandomValues(new Uint8Array(16)).buffer)
  const response = await fetch(`/dashboard/proof?key=${digest.slice(0, 16)}&challenge=${challenge}`, {
    cache: 'no-store',
    signal: AbortSignal.timeout(ANSWER_MS),
  }).catch(() => null)
  if (!response) throw new Refused(0, 'offline', 'no leader answers at the moment')
  const answer: { term?: number; pid?: number; proof?: string; error?: string } = await response.json().catch(() => ({}))
  if (!response.ok) throw new Refused(response.status, 'proof', answer.error ?? `the leader answered ${response.status}`)
  const signed = bytes(`${challenge} ${port} ${answer.term} ${answer.pid}`)
  const secret = await crypto.subtle.importKey('raw', bytes(digest), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  if (answer.proof !== hex(await crypto.subtle.sign('HMAC', secret, signed)))
    throw new Refused(0, 'offline', 'what answers on this port is not the leader, and is told nothing')
}

const ANSWER_MS = 5_000

const bytes = (text: string) => new TextEncoder().encode(text)
const hex = (buffer: ArrayBufferLike) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
