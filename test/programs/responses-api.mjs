// A stand-in for OpenAI's Responses API on loopback: a real Codex runs its real MCP client, hooks and settings, while a
// script plays the model.
// Usage: node responses-api.mjs <script.json> <log.jsonl>. Prints its port.
// The script is a list of turns, read anew all the time so that a test may write on: {tool, namespace?, input} calls
// a function, {tool, patch} a free-form tool, {text} says something and ends the turn, {waits} holds the turn until the
// script no longer says so. After its end the model says "done". The log gets a line for each request that offers tools:
// their names, and the model's input. Requests without tools are the client's own (titles) and take no turn.
import { appendFileSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'

const [, , script, log] = process.argv
let turns = 0

/** `name`, or `namespace/name` where the client groups a server's tools. */
const names = (tool) => (tool.tools ? tool.tools.map(({ name }) => `${tool.name}/${name}`) : [tool.name ?? tool.type])

const server = createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  if (request.method !== 'POST' || !request.url.includes('/responses')) return response.writeHead(404).end('{}')

  const { tools: listed = [], input, instructions } = JSON.parse(Buffer.concat(chunks).toString())
  // Some models get their tools as a part of the input.
  const tools = [...listed, ...input.flatMap((item) => (item.type === 'additional_tools' ? item.tools : []))]
  let turn = { text: 'ok' }
  if (tools.length > 0) {
    const at = turns++
    const read = () => JSON.parse(readFileSync(script, 'utf8'))[at] ?? { text: 'done' }
    turn = read()
    const tooled = tools.flatMap(names)
    appendFileSync(log, `${JSON.stringify({ at: Date.now(), tools: tooled, system: instructions, messages: input, turn })}\n`)
    for (; turn.waits; turn = read()) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const say = (type, data) => response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`)
  const call = { id: `fc_${turns}`, call_id: `call_${turns}`, name: turn.tool }
  const item =
    turn.patch !== undefined
      ? { type: 'custom_tool_call', ...call, input: turn.patch }
      : turn.tool
        ? {
            type: 'function_call',
            ...call,
            ...(turn.namespace && { namespace: turn.namespace }),
            arguments: JSON.stringify(turn.input ?? {}),
          }
        : {
            type: 'message',
            id: `msg_${turns}`,
            role: 'assistant',
            content: [{ type: 'output_text', text: turn.text ?? '', annotations: [] }],
          }
  const id = `resp_${turns}`
  const usage = {
    input_tokens: 1,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 1,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 2,
  }
  say('response.created', { response: { id } })
  say('response.output_item.added', { output_index: 0, item })
  say('response.output_item.done', { output_index: 0, item })
  say('response.completed', { response: { id, usage } })
  response.end()
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
