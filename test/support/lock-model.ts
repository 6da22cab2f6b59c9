/** Locks and their line as they should be, without a file, a transaction or an event. */

interface ModelLock {
  peer: string
  token: number
  until: number
}
export interface Ticket {
  peer: string
  paths: string[]
  until: number
}

const above = (upper: string, lower: string) => upper === lower || upper === '/' || lower.startsWith(`${upper}/`)
export const overlap = (a: string, b: string) => above(a, b) || above(b, a)

export class LockModel {
  time = 0
  locks = new Map<string, ModelLock>()
  /** First come first. */
  line: Ticket[] = []

  /** The names of those who stand in the way. */
  obstacles(actor: string, wanted: string[], ticket: Ticket | undefined): Set<string> {
    this.tidy()
    const names = new Set<string>()
    const ahead = this.line.slice(0, ticket && this.line.includes(ticket) ? this.line.indexOf(ticket) : undefined)
    for (const path of wanted) {
      for (const [held, lock] of this.locks) if (lock.peer !== actor && overlap(held, path)) names.add(lock.peer)
      // Who holds the path, or a directory above it, need not stand in line.
      if ([...this.locks].some(([held, lock]) => lock.peer === actor && above(held, path))) continue
      for (const other of ahead) if (other.peer !== actor && other.paths.some((p) => overlap(p, path))) names.add(other.peer)
    }
    return names
  }

  /** What is over is gone. */
  tidy(): void {
    for (const [path, lock] of this.locks) if (lock.until <= this.time) this.locks.delete(path)
    this.line = this.line.filter((ticket) => ticket.until > this.time)
  }

  drop(peer: string): void {
    for (const [path, lock] of this.locks) if (lock.peer === peer) this.locks.delete(path)
    this.line = this.line.filter((ticket) => ticket.peer !== peer)
  }
}
