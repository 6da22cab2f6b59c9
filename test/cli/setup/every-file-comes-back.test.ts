import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Agent, Wanted } from '../../../src/cli/setup/agent.ts'
import { agents } from '../../../src/cli/setup/agents.ts'
import { readContent } from '../../../src/cli/setup/file.ts'
import { Journal } from '../../../src/cli/setup/journal.ts'
import { parseJson } from '../../../src/cli/setup/json.ts'
import { filesOf, type Plan, planRemoval, planSetup, type Site } from '../../../src/cli/setup/plan.ts'
import { parseToml } from '../../../src/cli/setup/toml.ts'
import { testDir } from '../../support/data-dir.ts'
import { treeOf } from '../../support/tree.ts'
import { jsonOriginals, tomlOriginals } from './originals.ts'

/** Set-up, then removal: each file and each directory as it was, whatever it looked like. */

const wanted: Wanted = {
  start: { words: ['npx', '-y', 'slm-mesh'] },
  platform: 'linux',
  ...{ hooks: true, autoLock: true, guard: false },
}

function worldOf(kind: Site['kind'] = 'user') {
  const dir = testDir()
  const home = join(dir, 'home')
  const project = join(dir, 'project')
  mkdirSync(home)
  mkdirSync(project)
  const site: Site = {
    home: { home, cwd: project, platform: 'linux', env: {} },
    kind,
    journal: new Journal(join(dir, 'mesh')),
  }
  return { dir, site }
}

function apply(plan: Plan): Plan {
  expect(plan.refused).toEqual([])
  for (const { apply } of plan.changes) apply()
  return plan
}

const editable = agents.filter(({ servers }) => servers.format !== 'yaml')

/** Once is enough for what no agent does otherwise than another. */
const ODD = new Set([
  'only white space',
  'an empty object on two lines',
  'an empty object with a comment in it',
  'only a comment',
  'one line with spaces',
  'an empty list of servers',
  'a comma at its start',
])

/** What each file of an agent may hold before we come; by file, then by what is awkward about it. */
function originalsOf(agent: Agent, site: Site): [file: string, originals: Record<string, string>][] {
  return filesOf(agent, site, wanted, false).map(({ file, format, pieces }) => {
    if (format === 'toml') return [file, tomlOriginals]
    if (pieces.some((piece) => piece.kind === 'whole')) return [file, {}]
    const theirs = pieces.flatMap((piece) =>
      piece.kind === 'lists'
        ? Object.keys(piece.lists).map((event): [string, unknown] => [
            event,
            [{ hooks: [{ command: 'theirs' }] }, { command: 'x' }],
          ])
        : [],
    )
    const entry = agent.servers.entry({ words: ['old', 'slm-mesh'] }, site.home)
    return [file, jsonOriginals({ key: agent.servers.key, entry, hooks: { hooks: Object.fromEntries(theirs) } })]
  })
}

describe.each(editable.map((agent) => [agent.name, agent] as const))('%s', (_, agent) => {
  test('where nothing was, nothing is left', () => {
    for (const kind of ['user', 'project'] as const) {
      const { dir, site } = worldOf(kind)
      const before = treeOf(dir)
      const { changes } = apply(planSetup(agent, site, wanted))
      if (kind === 'user') expect(changes.length).toBeGreaterThan(0)
      expect(planSetup(agent, site, wanted).changes).toEqual([])
      apply(planRemoval(agent, site, wanted))
      expect(treeOf(dir)).toEqual(before)
    }
  })

  const cases = originalsOf(agent, worldOf().site).flatMap(([file, originals], n) =>
    Object.entries(originals)
      .filter(([about]) => agent.name === 'claude-code' || !ODD.has(about))
      .map(([about, text]) => ({ about, n, name: file.split('/').slice(-2).join('/'), text })),
  )
  test.each(cases)('$name: $about', ({ n, text }) => {
    const { dir, site } = worldOf()
    const kept = filesOf(agent, site, wanted, false)[n]!
    mkdirSync(dirname(kept.file), { recursive: true })
    writeFileSync(kept.file, text, { mode: 0o640 })
    const before = treeOf(dir)
    const parse = kept.format === 'toml' ? parseToml : parseJson

    apply(planSetup(agent, site, wanted))
    const after = readContent(kept.file)!
    expect(after.mark).toBe(text.startsWith('\uFEFF') ? '\uFEFF' : '')
    if (text.includes('\r\n')) expect(after.text).not.toMatch(/[^\r]\n/)
    for (const comment of text.match(/\/\/.*|\/\*.*?\*\/|(?<=\n)#.*/g) ?? []) expect(after.text).toContain(comment.trim())
    const document = parse(after.text) as Record<string, Record<string, object>>
    if (kept.pieces[0]?.kind === 'entry' && kept.pieces[0].path.length === 2)
      expect(document[agent.servers.key]?.['slm-mesh']).toMatchObject(kept.pieces[0].value)
    expect(planSetup(agent, site, wanted).changes).toEqual([])

    // Another way to be set up, and back to the first.
    apply(planSetup(agent, site, { ...wanted, start: { words: ['node', '/a place/slm-mesh.js'] }, autoLock: false, guard: true }))
    apply(planSetup(agent, site, wanted))
    expect(readContent(kept.file)!.text).toBe(after.text)

    apply(planRemoval(agent, site, wanted))
    expect(treeOf(dir)).toEqual(before)
  })

  // One of each kind of file: what is recognised as ours does not depend on how it got there.
  const several = cases.filter(() => ['claude-code', 'codex', 'cursor', 'antigravity'].includes(agent.name))
  test.each(several)('$name: $about: without the journal, all that is not ours says what it said', ({ n, text }) => {
    const { site } = worldOf()
    const kept = filesOf(agent, site, wanted, false)[n]!
    mkdirSync(dirname(kept.file), { recursive: true })
    writeFileSync(kept.file, text)
    const parse = kept.format === 'toml' ? parseToml : parseJson
    apply(planSetup(agent, site, wanted))
    site.journal.forget(kept.file)
    apply(planRemoval(agent, site, wanted))
    const left = readContent(kept.file)
    const clean = (value: unknown): unknown =>
      Object.fromEntries(
        Object.entries(value ?? {})
          .map(([key, one]) => {
            if (key !== agent.servers.key) return [key, one]
            const { 'slm-mesh': _, ...others } = one as Record<string, unknown>
            return [key, others]
          })
          // Who wrote the version of a file in which others stand, nobody can tell.
          .filter(([key]) => key !== 'version')
          .filter(([key, one]) => key !== agent.servers.key || Object.keys(one as object).length > 0),
      )
    expect(clean(parse(left?.text ?? ''))).toEqual(clean(parse(text.replace('\uFEFF', ''))))
    expect(left?.text ?? '').not.toContain('slm-mesh hook')
  })
})
