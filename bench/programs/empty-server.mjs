// The floor: the SDK's low-level server with one tool that does nothing.
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'

const server = new Server({ name: 'empty', version: '1' }, { capabilities: { tools: {} } })
const tools = [{ name: 'nothing', description: 'Does nothing.', inputSchema: { type: 'object' } }]
server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }))
server.setRequestHandler(CallToolRequestSchema, () => ({
  content: [{ type: 'text', text: 'ok' }],
  structuredContent: { ok: true },
}))
process.stdin.once('end', () => process.exit(0))
server.connect(new StdioServerTransport())
