/** One request to the leader, with the key. */

/** Why it was not done. `status` 0: nobody answered. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    sentence: string,
    readonly facts: Readonly<Record<string, unknown>> = {},
  ) {
    super(sentence)
  }
}

export type Ask = <T>(path: string, body?: object) => Promise<T>

/** Whether whoever listens on the port has shown that it is the leader: nobody else is told the key. */
export interface Trust {
  readonly given: boolean
  /** Has it show that. Rejects with `Refused`. */
  renew(): Promise<void>
  lose(): void
}

export function createTrust(prove: () => Promise<void>): Trust {
  let given = false
  return {
    get given() {
      return given
    },
    async renew() {
      given = false
      await prove()
      given = true
    },
    lose() {
      given = false
    },
  }
}

const ANSWER_MS = 15_000

/** With a body it posts, without one it gets. Throws `Refused` for whatever is not a good answer. */
export const createAsk =
  (key: string, trust: Trust, onKeyRefused: () => void): Ask =>
  async <T>(path: string, body?: object) => {
    let response: Response
    let answer: { ok?: boolean; error?: string; code?: string; facts?: Record<string, unknown> }
    if (!trust.given) throw new Refused(0, 'offline', 'no leader answers at the moment; it is asked again')
    try {
      response = await fetch(path, {
        method: body ? 'POST' : 'GET',
        headers: { Authorization: `Bearer ${key}`, ...(body && { 'Content-Type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
        cache: 'no-store',
        signal: AbortSignal.timeout(ANSWER_MS),
      })
      answer = await response.json()
    } catch {
      throw new Refused(0, 'offline', 'no leader answers at the moment; it is asked again')
    }
    if (response.status === 401) onKeyRefused()
    if (!response.ok || answer.ok === false)
      throw new Refused(
        response.status,
        answer.code ?? 'internal',
        answer.error ?? `the leader answered ${response.status}`,
        answer.facts,
      )
    return answer as T // as docs/rest.md and contract.ts have it: the server is of our own build
  }

export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
