/** The browser key: it comes once, in the fragment of the link that `slm-mesh ui` opens, and lives as long as the tab. */

const STORED_AS = 'slm-mesh.key'

/** The key that a fragment carries; undefined where it has none, or not the form of one. */
export const keyIn = (hash: string): string | undefined => /^#key=([A-Za-z0-9_-]{43})$/.exec(hash)?.[1]

interface Surroundings {
  readonly location: { readonly hash: string; readonly pathname: string }
  readonly history: { replaceState(data: unknown, unused: string, url: string): void }
  readonly storage: Pick<Storage, 'getItem' | 'setItem'>
}

/** Takes the key out of the address, so that neither history nor a copied address has it. A new one goes before the old. */
export function takeKey({ location, history, storage }: Surroundings): string | undefined {
  const brought = keyIn(location.hash)
  if (location.hash.startsWith('#key=')) history.replaceState(null, '', location.pathname)
  if (brought === undefined) return storage.getItem(STORED_AS) ?? undefined
  storage.setItem(STORED_AS, brought)
  return brought
}

export const forgetKey = (storage: Pick<Storage, 'removeItem'>) => storage.removeItem(STORED_AS)
