// A stand-in for Anthropic's Messages API on loopback: a real Claude Code runs its real MCP client, hooks and settings,
// while a script plays the model.
// Usage: node messages-api.mjs <script.json> <log.jsonl>. Prints its port.
// The script is a list of turns, read anew all the time so that a test may write on: {tool, input} calls a tool,
// {text} says something and ends the turn, {waits} holds the turn until the script no longer says so. After its end the
// model says "done".
// The log gets a line for each request that offers tools: their names, and the messages as the model got them. Requests
// without tools are the client's own (titles, quota) and take no turn.
import { appendFileSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'

const [, , script, log] = process.argv
let turns = 0

const server = createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const path = new URL(request.url, 'http://localhost').pathname
  const json = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  if (request.method !== 'POST' || !path.startsWith('/v1/messages')) return json(404, {})
  if (path.endsWith('/count_tokens')) return json(200, { input_tokens: 1 })

  const { tools = [], messages, system, model, stream } = JSON.parse(Buffer.concat(chunks).toString())
  let turn = { text: 'ok' }
  if (tools.length > 0) {
    const at = turns++
    const read = () => JSON.parse(readFileSync(script, 'utf8'))[at] ?? { text: 'done' }
    turn = read()
    const tooled = tools.map(({ name }) => name)
    appendFileSync(log, `${JSON.stringify({ at: Date.now(), tools: tooled, system, messages, turn })}\n`)
    for (; turn.waits; turn = read()) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const { tool, input = {}, text = '' } = turn

  const block = tool ? { type: 'tool_use', id: `toolu_${turns}`, name: tool, input } : { type: 'text', text }
  const message = { id: `msg_${turns}`, type: 'message', role: 'assistant', model, stop_sequence: null }
  const stop_reason = tool ? 'tool_use' : 'end_turn'
  const usage = { input_tokens: 1, output_tokens: 1 }
  if (!stream) return json(200, { ...message, content: [block], stop_reason, usage })

  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const say = (type, data) => response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`)
  const begun = tool ? { ...block, input: {} } : { ...block, text: '' }
  const delta = tool ? { type: 'input_json_delta', partial_json: JSON.stringify(input) } : { type: 'text_delta', text }
  say('message_start', { message: { ...message, content: [], stop_reason: null, usage } })
  say('content_block_start', { index: 0, content_block: begun })
  say('content_block_delta', { index: 0, delta })
  say('content_block_stop', { index: 0 })
  say('message_delta', { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 1 } })
  say('message_stop', {})
  response.end()
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
