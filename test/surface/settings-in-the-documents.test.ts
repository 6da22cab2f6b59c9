import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { VARIABLES } from '../../src/core/config.ts'

/** The variables that the tables of a page's section name. */
function settingsIn(page: string): string[] {
  const text = readFileSync(fileURLToPath(new URL(`../../${page}`, import.meta.url)), 'utf8')
  const section = /^## Settings$([\s\S]*?)^## /m.exec(text)?.[1] ?? expect.fail(`${page} has no settings`)
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  return rows.flatMap((row) => [...row.matchAll(/`(SLM_MESH_[A-Z_]+)`/g)].map(([, name = '']) => name))
}

test('the README has every setting, and none that is not', () => {
  expect(settingsIn('README.md').sort()).toEqual([...VARIABLES].sort())
})

test('the page for teams has those of a server, and none that is not', () => {
  const named = settingsIn('docs/team.md')
  expect(named).toEqual(expect.arrayContaining(['SLM_MESH_URL', 'SLM_MESH_CREDS', 'SLM_MESH_PASSWORD']))
  expect(named.filter((name) => !VARIABLES.includes(name))).toEqual([])
})
