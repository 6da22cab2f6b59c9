import type { Clock } from './clock.ts'

/**
 * The one rule of what is over. A lifetime stands in a table as an uptime, with the boot whose clock it was taken from.
 *
 * - **This boot**: uptimes are compared.
 * - **An earlier boot of this host**: over. Whoever it belonged to has ended with that boot.
 * - **Another host**: not over, it is that host's to say. No clocks of two machines are compared: that host takes away what
 *   is over, and whoever finds the host dead takes away all that it had.
 *
 * On a mesh of several machines a boot is called `<host id>/<boot id>`. Where there is one machine it is called by its boot
 * id alone: then every other boot is an earlier one.
 */

export type BootClock = Pick<Clock, 'uptime' | 'bootId'>

/** The host of that boot: empty where the mesh is one machine. Pure. */
export const hostOf = (bootId: string): string => bootId.slice(0, Math.max(0, bootId.indexOf('/')))

/** How a host calls a boot of its own. Pure. */
export const bootOn = (hostId: string, bootId: string): string => `${hostId}/${bootId}`

/** Which boot that was, seen from the boot `here`. Pure. */
export function bootSeen(bootId: string, here: string): 'this' | 'earlier' | 'elsewhere' {
  if (bootId === here) return 'this'
  return hostOf(bootId) === hostOf(here) ? 'earlier' : 'elsewhere'
}

/** What is left until that uptime of that boot, in ms: endless where another host has to say, and less than anything for an earlier boot. */
export function leftMs(untilUptime: number, bootId: string, clock: BootClock): number {
  const boot = bootSeen(bootId, clock.bootId)
  if (boot === 'this') return untilUptime - clock.uptime()
  return boot === 'earlier' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}

export const isOver = (untilUptime: number, bootId: string, clock: BootClock): boolean => leftMs(untilUptime, bootId, clock) <= 0

/** Whether something happened within the last `ms`; of another host's doings, whether that host still keeps it. */
export const isFresh = (atUptime: number, ms: number, bootId: string, clock: BootClock): boolean =>
  leftMs(atUptime + ms, bootId, clock) >= 0

/**
 * The same rule in SQL, for a table with a `boot_id`. `passed` compares an uptime of the row with one parameter, such as
 * `expires_uptime <= ?`; that parameter's value is given to `overValues`, whose values follow the whole text.
 */
export const overSql = (passed: string): string =>
  `(boot_id = ? AND ${passed} OR boot_id <> ? AND substr(boot_id, 1, instr(boot_id, '/')) = ?)`

export function overValues(clock: BootClock, uptime: number): [string, number, string, string] {
  const host = hostOf(clock.bootId)
  return [clock.bootId, uptime, clock.bootId, host === '' ? '' : `${host}/`]
}
