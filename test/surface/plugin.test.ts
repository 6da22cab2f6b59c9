import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Wanted } from '../../src/cli/setup/agent.ts'
import { claudeCode, claudeHooks, PLUGIN_SERVER } from '../../src/cli/setup/claude-code.ts'
import { SYNC } from '../../src/cli/setup/command-text.ts'
import { Agent } from '../support/agent.ts'
import { asJson, expectStored } from '../support/stored.ts'

/** What the repository offers to Claude Code's marketplaces and to the MCP registry, made of what set-up writes. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const { name, version, license, keywords } = manifest
const description = 'Your AI coding sessions on this machine talk, share state, lock files and hear of events'
const author = { name: 'the SLM Mesh authors' }

const start = { words: ['npx', '-y', 'slm-mesh'] }
const wanted: Wanted = { start, platform: 'linux', hooks: true, autoLock: false, guard: false }

test('the plugin is described, and the marketplace offers it', () => {
  expectStored('plugin/.claude-plugin/plugin.json', asJson({ name, version, description, author, license, keywords }))
  expectStored(
    '.claude-plugin/marketplace.json',
    asJson({
      name,
      owner: author,
      metadata: { description: 'SLM Mesh for Claude Code', version },
      plugins: [{ name, source: './plugin', description, version, author, license, category: 'productivity' }],
    }),
  )
})

test('the plugin starts the server, and hooks into it, as set-up does', () => {
  const home = { home: '/', cwd: '/', platform: 'linux', env: {} } as const
  expectStored('plugin/.mcp.json', asJson({ mcpServers: { 'slm-mesh': claudeCode.servers.entry(start, home) } }))
  expectStored('plugin/hooks/hooks.json', asJson({ hooks: claudeHooks(wanted, PLUGIN_SERVER) }))
  const byHand = JSON.stringify(claudeHooks(wanted)).replaceAll('"server":"slm-mesh"', `"server":"${PLUGIN_SERVER}"`)
  expect(JSON.parse(readFileSync(join(root, 'plugin/hooks/hooks.json'), 'utf8')).hooks).toEqual(JSON.parse(byHand))
})

test("the plugin's commands, and those of set-up, say what the server's prompts say", async () => {
  await using agent = await Agent.connect()
  const { prompts } = await agent.client.listPrompts()
  const textOf = async (prompt: string, given = {}) => {
    const { messages } = await agent.client.getPrompt({ name: prompt, arguments: given })
    const content = messages[0]?.content
    return content?.type === 'text' ? content.text : ''
  }
  const wants: Record<string, [given: Record<string, string>, hint?: string]> = {
    peers: [{}],
    inbox: [{}],
    sync: [{}],
    status: [{}],
    lock: [{ path: '$ARGUMENTS' }, '<path>'],
  }
  for (const [prompt, [given, hint]] of Object.entries(wants)) {
    const about = prompts.find((one) => one.name === prompt)?.description
    const head = [`description: ${about}`, ...(hint ? [`argument-hint: ${hint}`] : []), 'disable-model-invocation: true']
    expectStored(`plugin/commands/${prompt}.md`, `---\n${head.join('\n')}\n---\n\n${await textOf(prompt, given)}\n`)
  }
  expect(readdirSync(join(root, 'plugin/commands')).sort()).toEqual(
    Object.keys(wants)
      .sort()
      .map((one) => `${one}.md`),
  )
  expect(SYNC).toBe(await textOf('sync'))
})

test('the MCP registry is told what npm is told', () => {
  const variable = (one: string, about: string, isSecret = false) => ({
    name: one,
    description: about,
    isRequired: false,
    isSecret,
  })
  const entry = {
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
    name: manifest.mcpName,
    title: 'SLM Mesh',
    description,
    version,
    packages: [
      {
        registryType: 'npm',
        identifier: name,
        version,
        transport: { type: 'stdio' },
        packageArguments: [{ type: 'positional', value: 'mcp' }],
        environmentVariables: [
          variable('SLM_MESH_DATA_DIR', 'where the mesh lives; sessions that share it are one mesh'),
          variable('SLM_MESH_NAME', "this session's name, and its identity when it comes back"),
          variable('SLM_MESH_URL', 'a mesh of several machines: nats://host:4222 or tls://host:4222, several by commas', true),
          variable('SLM_MESH_MESH', 'which mesh on that server'),
          variable('SLM_MESH_CREDS', 'the path of a creds file for that server'),
          variable('SLM_MESH_USER', 'a user of that server'),
          variable('SLM_MESH_PASSWORD', "that user's password", true),
          variable('SLM_MESH_TOKEN', 'a token of that server', true),
          variable('SLM_MESH_CA', "a PEM file with who signed that server's certificate"),
          variable('SLM_MESH_HOST_NAME', 'what the other machines call this one'),
        ],
      },
    ],
  }
  // The registry's own limits.
  expect(entry.name).toMatch(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/)
  expect(entry.name.split('/')[1]).toBe(name)
  expect(description.length).toBeLessThanOrEqual(100)
  expectStored('./server.json', asJson(entry))
})
