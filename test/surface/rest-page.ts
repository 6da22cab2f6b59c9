/** The page about REST, made from the OpenAPI document that the leader publishes. */

// biome-ignore lint/suspicious/noExplicitAny: a JSON document, walked
type Json = any

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** A schema in a few characters: `string`, `"get"`, `integer, 1–100`, `Lock[]`. */
function shape(schema: Json): string {
  if (schema === undefined || schema === true) return 'any'
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (schema.enum) return schema.enum.map((value: unknown) => `\`${value}\``).join(', ')
  const either = schema.anyOf ?? schema.oneOf
  if (either) return [...new Set(either.map(shape))].join(' or ')
  if (Array.isArray(schema.type)) return schema.type.join(' or ')
  if (schema.type === 'array') {
    const item = shape(schema.items)
    return item.startsWith('{') ? `[${item}]` : `list of ${item}`
  }
  if (schema.type === 'object' && schema.properties) return `{${Object.keys(schema.properties).join(', ')}}`
  const isSafe = (n: unknown) => typeof n === 'number' && Math.abs(n) < Number.MAX_SAFE_INTEGER
  const bounds = [
    isSafe(schema.minimum) && `≥ ${schema.minimum}`,
    isSafe(schema.maximum) && `≤ ${schema.maximum}`,
    schema.maxLength && `≤ ${schema.maxLength} characters`,
  ].filter(Boolean)
  return [schema.type ?? 'any', ...bounds].join(', ')
}

function bodyTable(schema: Json): string[] {
  const required = new Set(schema.required ?? [])
  const rows = Object.entries<Json>(schema.properties ?? {}).map(([name, field]) => {
    const notes = [
      required.has(name) ? '' : field.default === undefined ? 'optional' : `default \`${JSON.stringify(field.default)}\``,
      field.description,
    ].filter(Boolean)
    return `| \`${name}\` | ${cell(shape(field))} | ${cell(notes.join('; '))} |`
  })
  return rows.length === 0 ? [] : ['| field | value | |', '| --- | --- | --- |', ...rows]
}

/** Fields of an answer and of what it holds, one level down. */
function answer(schema: Json): string {
  const fields = Object.entries<Json>(schema?.properties ?? {}).map(([name, field]) => {
    const isOptional = !(schema.required ?? []).includes(name)
    return `\`${name}\`${isOptional ? '?' : ''}: ${shape(field)}`
  })
  return fields.join(' · ')
}

function operation(path: string, method: string, item: Json): string[] {
  const body = item.requestBody?.content['application/json'].schema
  const [status, success]: [string, Json] = Object.entries<Json>(item.responses).find(([code]) => code.startsWith('2')) ?? [
    '',
    {},
  ]
  const json = success.content?.['application/json']?.schema
  const bodies: Json[] = body?.anyOf ?? (body ? [body] : [])
  const answers: Json[] = json?.anyOf ?? (json ? [json] : [])
  const lines = [`## ${method.toUpperCase()} ${path}`, '', item.summary, '']
  const parameters = (item.parameters ?? []).map((p: Json) => `| \`${p.name}\` | ${p.in} | ${cell(p.description ?? '')} |`)
  if (parameters.length > 0) lines.push('| parameter | in | |', '| --- | --- | --- |', ...parameters, '')
  if (bodies.length === 0)
    lines.push(
      `Answers ${status}: ${answers.length > 0 ? answer(answers[0]) : Object.keys(success.content ?? {}).join(', ')}`,
      '',
    )
  bodies.forEach((one, i) => {
    const action = one.properties?.action?.const
    if (action !== undefined) lines.push(`### action \`${action}\``, '', one.description ?? '', '')
    lines.push(...bodyTable(one), '', `Answers ${status}: ${answer(answers[i])}`, '')
  })
  return lines
}

export function restPage(document: Json): string {
  const statuses = new Map<string, string[]>()
  for (const [code, status] of Object.entries<number>(document.statuses))
    statuses.set(String(status), [...(statuses.get(String(status)) ?? []), `\`${code}\``])
  return [
    '# REST',
    '',
    'This page is made from the program by `UPDATE_SURFACE=1 npx vitest run test/surface/openapi.test.ts`; the same as OpenAPI 3.1: `GET /openapi.json`.',
    '',
    'The elected leader serves it on loopback, `http://127.0.0.1:7899` unless that port is taken: the file `port` in the data directory (`~/.slm-mesh`) says where. Every route but `/health` wants `Authorization: Bearer <token>`; the token stands in `leader.token` in the same directory, and is new each term: read it for each request, or again after a 401.',
    '',
    'A page that `slm-mesh ui` has opened bears a key of its own instead, which the next leader takes as well. It is for the person at that page: it acts as `dashboard` alone, and opens neither `/handover` nor what scripts register with. The page itself (`/` and the three files below `/dashboard/`) is open to all: it holds nothing. So is `/dashboard/proof`, by which it makes sure of the leader before it tells its key.',
    '',
    '```sh',
    'cd ~/.slm-mesh',
    'curl -s "http://127.0.0.1:$(cat port)/health"',
    'curl -s -H "Authorization: Bearer $(cat leader.token)" -H "Content-Type: application/json" \\',
    '  -d \'{"toPeer": "all", "payload": "the build is green"}\' "http://127.0.0.1:$(cat port)/send"',
    '```',
    '',
    'Bodies are JSON objects of at most 1 MiB, sent as `application/json`. Answers are `{"ok": true, …}`, or `{"ok": false, "error", "code", "facts"}`, where `error` is one readable sentence. Requests of web pages of other origins are refused, and there are no CORS headers.',
    '',
    '**Who acts.** `cli` and `dashboard` need no registration, and are what a request without a name comes from. A program that wants a name and a mailbox of its own registers; it lives by heartbeats, and any call under its id is one. Nobody acts as a session; its mailbox may be looked into, and nothing is taken out of it.',
    '',
    '| status | codes |',
    '| --- | --- |',
    ...[...statuses].sort(([a], [b]) => Number(a) - Number(b)).map(([status, codes]) => `| ${status} | ${codes.join(', ')} |`),
    '',
    'With 429 and with some 503, `Retry-After` says after how many seconds to come again. On a mesh of several machines whose server cannot be reached, every answer has the header `slm-mesh-outage`: why, in a sentence, URI-encoded; what is read is then what this machine knew last.',
    '',
    ...Object.entries<Json>(document.paths).flatMap(([path, item]) =>
      Object.entries<Json>(item).flatMap(([method, one]) => operation(path, method, one)),
    ),
  ]
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd()
    .concat('\n')
}
