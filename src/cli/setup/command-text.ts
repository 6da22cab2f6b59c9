/** A slash command for agents that do not show an MCP server's prompts as such. */

const MARK = '<!-- written by slm-mesh setup -->'

/** What the server's own prompt `sync` says. */
export const SYNC =
  'Catch up with the mesh: mesh_peers, mesh_inbox, mesh_lock action=query and mesh_events. Set your own summary with mesh_summary. Then tell me in a few lines what matters for our work, and which files to stay away from.'

export const commandText = (): string =>
  `---\ndescription: Catch up with the other AI sessions on this machine\n---\n\n${SYNC}\n\n${MARK}\n`

/** A file that setup has written, of whatever version. */
export const isOurText = (text: string): boolean => text.includes(MARK)
