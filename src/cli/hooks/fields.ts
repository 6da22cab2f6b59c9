/**
 * What an agent has written about its event, read with suspicion: own fields only, each of the type that is wanted, and
 * nothing else of it is kept. Pure.
 */

export type Fields = Readonly<Record<string, unknown>>

export const fieldsOf = (value: unknown): Fields =>
  // An object that is no list can be asked for its fields, whatever they are.
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}

const own = (fields: Fields, name: string): unknown => (Object.hasOwn(fields, name) ? fields[name] : undefined)

/** The first of these fields that is a text, and not an empty one. */
export function textOf(fields: Fields, ...names: string[]): string | undefined {
  for (const name of names) {
    const value = own(fields, name)
    if (typeof value === 'string' && value !== '') return value
  }
  return undefined
}

export function numberOf(fields: Fields, name: string): number | undefined {
  const value = own(fields, name)
  return typeof value === 'number' ? value : undefined
}

export function listOf(fields: Fields, name: string): readonly unknown[] {
  const value = own(fields, name)
  return Array.isArray(value) ? value : []
}

export const textsOf = (fields: Fields, name: string): string[] =>
  listOf(fields, name).filter((value) => typeof value === 'string' && value !== '') as string[] // as filtered

/** The first of these fields that is an object, or a text of JSON that is one. */
export function objectOf(fields: Fields, ...names: string[]): Fields {
  for (const name of names) {
    const value = own(fields, name)
    if (typeof value === 'object' && value !== null) return fieldsOf(value)
    if (typeof value === 'string' && value.startsWith('{')) {
      try {
        return fieldsOf(JSON.parse(value))
      } catch {
        // A text that only begins like one.
      }
    }
  }
  return {}
}
