/** Configuration files as people and programs leave them, by what is awkward about them. */

interface Shape {
  readonly key: string
  readonly entry: unknown
  /** A hook of another tool on an event that we use too, as the agent's file has it. */
  readonly hooks: object
}

export const jsonOriginals = ({ key, entry, hooks }: Shape): Record<string, string> => ({
  'an empty file': '',
  'only white space': ' \n\n',
  'an empty object': '{}',
  'an empty object on two lines': '{\n}\n',
  'an empty object with a comment in it': '{\n  // nothing yet\n}\n',
  'only a comment': '// to be filled in\n',
  'comments, trailing commas, tabs': `// top\n{\n\t"theme": "dark", // mine\n\t"${key}": {\n\t\t/* one */ "other": { "command": "x" }, // two, with a comma\n\t},\n\t"last": [1, 2,],\n}\n// end`,
  'CRLF and no final newline': `{\r\n    "${key}": {\r\n        "other": {\r\n            "command": "x"\r\n        }\r\n    }\r\n}`,
  'a byte order mark': `\uFEFF{\n  "theme": "dark"\n}\n`,
  'one line': `{"theme":"dark","${key}":{"other":{"command":"x"}},"n":1e3}`,
  'one line with spaces': `{ "theme": "dark", "${key}": { "other": { "command": "x" } } }\n`,
  'an empty list of servers': `{\n  "${key}": {},\n  "z": null\n}\n`,
  'our entry in the middle, as an older version wrote it': `{\n  "${key}": {\n    "a": { "command": "x" },\n    "slm-mesh": ${JSON.stringify(entry)},\n    "b": { "command": "y" }\n  }\n}\n`,
  'our entry with words of its user': `{ "${key}": { "slm-mesh": { "command": "old", "timeout": 7, "env": { "SLM_MESH_NAME": "ada" } } } }`,
  'hooks of other tools on the same events': `${JSON.stringify(hooks, null, 3)}\n`,
  'hooks of other tools, with comments': `${JSON.stringify(hooks, null, '\t').replaceAll('[\n', '[ // theirs, not ours\n')}\n`,
  'unknown keys and odd numbers': `{ "a": 12345678901234567890, "b": 1.0, "\\u00e9": "\\ud83d\\ude00", "__proto__": { "x": 1 } }`,
  'a comma at its start': `{\n    "a": 1\n  , "b": 2\n  , "${key}": { "other": {} }\n}\n`,
})

export const tomlOriginals: Record<string, string> = {
  'an empty file': '',
  'only a comment': '# mine',
  'no final newline': 'model = "gpt-5"\n\n[mcp_servers.other]\ncommand = "x"',
  CRLF: 'model = "gpt-5"\r\n\r\n[mcp_servers.other]\r\ncommand = "x"\r\n',
  'a byte order mark': '\uFEFFmodel = "gpt-5"\n',
  'our table in the middle, with words of its user':
    '# top\n[mcp_servers.a]\ncommand = "x" # [not a table]\n\n[mcp_servers.slm-mesh] # ours\nargs = [\n  "old", # one\n]\nstartup_timeout_sec = 20\ncommand = "old"\n\n# about b\n[mcp_servers.b]\ncommand = "y"\n',
  'our table with an environment below it':
    '[mcp_servers."slm-mesh"]\ncommand = "old"\n[mcp_servers."slm-mesh".env]\nSLM_MESH_NAME = "ada"\n[other]\nx = 1979-05-27T07:32:00Z\n',
  'an environment on one line': '[mcp_servers.slm-mesh]\ncommand = "old"\nenv = { SLM_MESH_NAME = "ada" }\n',
  'our entry on one line': '[mcp_servers]\nslm-mesh = { command = "old", args = [] }\nz = { command = "y" }\n',
  'long strings that look like tables':
    'text = """\n[mcp_servers.slm-mesh]\ncommand = "no"\n"""\nother = \'\'\'\n# "x\n\'\'\'\n[[list]]\na = 1\n',
  'large numbers and odd keys': 'big = 9223372036854775807\n"a.b"."c d" = 0x10\nfloat = -0.0\n[profiles."x.y"]\nq = true\n',
}
