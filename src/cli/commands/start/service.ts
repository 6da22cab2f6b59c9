import { resolve } from 'node:path'
import type { Environment } from '../../../core/config.ts'
import { fail } from '../../../core/errors.ts'
import { type Desk, misused } from '../../command.ts'
import { EXIT_OK } from '../../failures.ts'

/** Service files for this very program and mesh, to start a headless peer at login. */

/** What the service manager is to run, and with which of our settings. */
interface Service {
  readonly node: string
  readonly program: string
  readonly dataDir: string
  readonly settings: Readonly<Record<string, string>>
}

export function printService(desk: Desk, wanted: 'systemd' | 'launchd' | true): number {
  const system = wanted === true ? systemOf(process.platform) : wanted
  if (system === undefined) throw misused(`--service: say systemd or launchd; ${process.platform} has neither`)
  const service = {
    node: process.execPath,
    program: desk.program,
    dataDir: resolve(desk.cwd, desk.config.dataDir),
    settings: settingsOf(desk.env),
  }
  const content = system === 'systemd' ? systemdUnit(service) : launchdPlist(service)
  desk.answer({ system, content }, () => content.trimEnd())
  return EXIT_OK
}

const systemOf = (platform: NodeJS.Platform) => (platform === 'linux' ? 'systemd' : platform === 'darwin' ? 'launchd' : undefined)

/** Settings in force that shape the mesh: the service must not serve another port than the sessions expect. Pure. */
export const settingsOf = (env: Environment): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] =>
        /^SLM_MESH_(?!DATA_DIR$|NAME$|AGENT$)[A-Z_]+$/.test(entry[0]) && /^[\w.:-]+$/.test(entry[1] ?? ''),
    ),
  )

/** A systemd user unit. Pure. */
export function systemdUnit({ node, program, dataDir, settings }: Service): string {
  const rest = [program, 'start', '--data-dir', dataDir].map(systemdArgument)
  // systemd refuses a program whose path has quotes or control characters; and of its path, alone, $ is no variable.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const command = /['"\\\u0000-\u001f\u007f]/.test(node)
    ? ['/bin/sh', '-c', systemdArgument('exec "$0" "$@"'), systemdArgument(node)]
    : [systemdQuoted(node)]
  return `# SLM Mesh: a headless peer, so that the mesh is served while no session is open.
#
# To install it, save this as ~/.config/systemd/user/slm-mesh.service and run
#   systemctl --user daemon-reload
#   systemctl --user enable --now slm-mesh
# To keep it running while you are logged out: loginctl enable-linger
# To remove it: systemctl --user disable --now slm-mesh, and delete the file.

[Unit]
Description=SLM Mesh, headless peer

[Service]
ExecStart=${[...command, ...rest].join(' ')}
${Object.entries(settings)
  .map(([name, value]) => `Environment=${systemdQuoted(`${name}=${value}`)}\n`)
  .join('')}Restart=on-failure
RestartSec=2
RestartPreventExitStatus=2
UMask=0077

[Install]
WantedBy=default.target
`
}

/** One word of a unit file: C escapes between quotes, and % is no specifier. Pure. */
const systemdQuoted = (text: string) =>
  `"${text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('%', '%%')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
    .replace(/[\u0000-\u001f\u007f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`

/** … of a command line, in which $ would begin a variable. Pure. */
const systemdArgument = (text: string) => systemdQuoted(text).replaceAll('$', '$$$$')

/** A launchd agent. Throws `storage` for a path that XML cannot express. Pure. */
export function launchdPlist({ node, program, dataDir, settings }: Service): string {
  const words = [node, program, 'start', '--data-dir', dataDir]
  const environment = Object.entries(settings).map(
    ([name, value]) => `    <key>${xmlText(name)}</key>\n    <string>${xmlText(value)}</string>\n`,
  )
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!--
  SLM Mesh: a headless peer, so that the mesh is served while no session is open.

  To install it, save this as ~/Library/LaunchAgents/slm-mesh.plist and run
    launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/slm-mesh.plist
  To remove it: launchctl bootout gui/$(id -u)/slm-mesh, and delete the file.
-->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>slm-mesh</string>
  <key>ProgramArguments</key>
  <array>
${words.map((word) => `    <string>${xmlText(word)}</string>\n`).join('')}  </array>
${environment.length > 0 ? `  <key>EnvironmentVariables</key>\n  <dict>\n${environment.join('')}  </dict>\n` : ''}  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ProcessType</key>
  <string>Background</string>
  <key>Umask</key>
  <integer>63</integer>
</dict>
</plist>
`
}

const XML_NAMES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

function xmlText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 has no way to write them
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text) || !text.isWellFormed())
    throw fail('storage', { path: JSON.stringify(text), detail: 'a launchd file cannot contain such characters' })
  return text.replace(/[&<>]/g, (c) => XML_NAMES[c] ?? c).replace(/[\t\n\r\u0085\u2028]/g, (c) => `&#${c.charCodeAt(0)};`)
}
