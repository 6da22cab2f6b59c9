import { findDeadPeers } from './dead-peers.ts'
import { findClaim, findGuards } from './guards.ts'
import type { Ground, Leftover } from './leftover.ts'
import { findLinks } from './links.ts'
import { findStaleSockets } from './sockets.ts'
import { findTemporaries } from './temporaries.ts'
import { findZombies } from './zombies.ts'

/**
 * What `clean` looks for, in an order in which one makes the next possible: an ended zombie leaves a row and a socket,
 * and a claim that is given up leaves its guard. Each stage looks at rows that were read after the one before.
 */
export const stages: readonly ((ground: Ground) => Leftover[] | Promise<Leftover[]>)[] = [
  findZombies,
  findDeadPeers,
  findClaim,
  findGuards,
  findStaleSockets,
  findTemporaries,
  findLinks,
]
