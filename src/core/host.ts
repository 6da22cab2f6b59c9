import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bootOn, hostOf } from './lifetime.ts'

/**
 * Which machine a data directory belongs to, where its mesh is one of several machines. Who looks into the file without
 * opening the mesh sees its own machine's rows as those of one machine: their boots are called as the system calls them.
 */

/** The machine's id; empty where the mesh is one machine. */
export function hostIn(dataDir: string): string {
  try {
    return readFileSync(join(dataDir, 'host'), 'utf8').trim()
  } catch {
    return '' // one machine has no need of an id
  }
}

/** A boot of this machine without its host; another's as it stands. Pure. */
export const bareBoot = (bootId: string, hostId: string): string =>
  hostId !== '' && hostOf(bootId) === hostId ? bootId.slice(hostId.length + 1) : bootId

/** This boot as that mesh calls it. Pure. */
export const meshBoot = (bootId: string, hostId: string): string => (hostId === '' ? bootId : bootOn(hostId, bootId))
