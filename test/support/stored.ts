import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

/**
 * Compares text that others rely on with what is stored in test/surface, or at a path from the root, so that a change of
 * it is seen in review. UPDATE_SURFACE=1 stores it anew.
 */
export function expectStored(name: string, actual: string): void {
  const file = fileURLToPath(new URL(name.includes('/') ? `../../${name}` : `../surface/${name}`, import.meta.url))
  if (process.env.UPDATE_SURFACE === '1') {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, actual)
  }
  const path = relative(process.cwd(), file)
  expect(
    actual,
    `${path} no longer says what is published. Others rely on it: if the change is meant, run \`UPDATE_SURFACE=1 npx vitest run test/surface\`, and look at the diff of ${path} before you commit it`,
  ).toBe(readFileSync(file, 'utf8'))
}

export const asJson = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
