/** Names that mean something else than a peer. */
const RESERVED: ReadonlySet<string> = new Set(['all', 'cli', 'dashboard', 'mesh', 'me', 'self', 'system', 'user'])

/** What a name that somebody chooses for a peer looks like. */
export const CHOSEN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

export const isReserved = (name: string): boolean => RESERVED.has(name.toLowerCase())
