import { join } from 'node:path'
import { read } from './repository.ts'

/**
 * What a repository is called on every machine that has a clone of it: `github.com/owner/name`, made of the URL of its
 * remote, so that all forms of the URL of one repository are one. In this order:
 *
 * 1. `git config slm-mesh.repo <name>`: where a clone has another remote than its team's (a fork, a mirror, an alias of ssh);
 * 2. the remote `origin`; 3. the only remote.
 *
 * The first commit is no part of it: a clone that is shallow, or whose history is packed, does not tell it without git, and a
 * name must be the same on all machines. Without a remote a repository has no name, and its files are those of their machine.
 */

/** The name of the repository with that git directory (the one that its worktrees share). */
export function repositoryName(commonDir: string): string | undefined {
  const config = read(join(commonDir, 'config'))
  return config === undefined ? undefined : nameIn(config)
}

const OWN_NAME = /^[a-z0-9][a-z0-9._/-]{0,199}$/

/** The same from the text of its configuration. Pure. */
export function nameIn(config: string): string | undefined {
  const remotes = new Map<string, string>()
  let own: string | undefined
  for (const { section, sub, key, value } of settingsIn(config)) {
    if (section === 'slm-mesh' && key === 'repo') own = trimmed(value)
    // Of several URLs git fetches from the first.
    if (section === 'remote' && key === 'url' && !remotes.has(sub)) remotes.set(sub, value)
  }
  if (own !== undefined && OWN_NAME.test(own)) return own
  const url = remotes.get('origin') ?? (remotes.size === 1 ? [...remotes.values()][0] : undefined)
  return url === undefined ? undefined : remoteName(url)
}

/** Hosts that one service answers to, by ssh through the port of https. */
const SAME_HOST: Readonly<Record<string, string>> = {
  'ssh.github.com': 'github.com',
  'www.github.com': 'github.com',
  'altssh.gitlab.com': 'gitlab.com',
  'altssh.bitbucket.org': 'bitbucket.org',
  'ssh.dev.azure.com': 'dev.azure.com',
}

/**
 * `host/path` of a remote's URL: without user, password, port, `.git` and case. Rather one name for two repositories than two
 * for one. Undefined for what leads to a directory of this machine. Pure.
 */
export function remoteName(url: string): string | undefined {
  const [, host = '', path = ''] = WITH_SCHEME.exec(url) ?? LIKE_SCP.exec(url) ?? []
  const name = SAME_HOST[host.toLowerCase()] ?? host.toLowerCase()
  const at = trimmed(decoded(path)).replace(/\.git$/, '')
  if (name === '' || at === '') return undefined
  return `${name}/${name === 'dev.azure.com' ? at.replace(/^v3\//, '').replace('/_git/', '/') : at.replace(/^scm\//, '')}`
}

/** `ssh://git@host:22/path`, `https://user:password@host/path`, `git://[::1]/path`. */
const WITH_SCHEME = /^(?:ssh|git\+ssh|ssh\+git|git|https?|ftps?):\/\/(?:[^/@]*@)?(\[[^\]]*\]|[^/:]*)(?::\d*)?\/(.*)$/i
/** `git@host:path`. One letter before the colon is a drive of Windows; a slash before it makes a path. */
const LIKE_SCP = /^(?:[^/@:]*@)?(\[[^\]]*\]|[^/:@]{2,}):(?!\/\/)(.*)$/

/** As every machine has it: in one case, and one form of Unicode, without what surrounds it. */
const trimmed = (text: string) =>
  text
    .normalize('NFC')
    .toLowerCase()
    .replace(/^[\s/~]+|[\s/]+$/g, '')
    .replace(/\/{2,}/g, '/')

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

interface Setting {
  section: string
  sub: string
  key: string
  value: string
}

/** What git's configuration says, as far as it stands in this one file. */
function settingsIn(config: string): Setting[] {
  const found: Setting[] = []
  let [section, sub] = ['', '']
  for (const line of config.replace(/\\\r?\n/g, '').split(/\r?\n/)) {
    const header = /^\s*\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]/.exec(line)
    if (header) {
      const [, name = '', quoted] = header
      // `[remote.origin]` is the old form of `[remote "origin"]`.
      const [first = '', ...rest] = name.toLowerCase().split('.')
      section = first
      sub = quoted?.replace(/\\(.)/g, '$1') ?? rest.join('.')
    }
    const [, key, value = ''] = /^\s*([A-Za-z][\w-]*)\s*(?:=\s*(.*))?$/.exec(line.slice(header?.[0].length ?? 0)) ?? []
    if (key) found.push({ section, sub, key: key.toLowerCase(), value: unquoted(value) })
  }
  return found
}

/** A value without its quotes, what they protect, and a comment behind it. */
function unquoted(text: string): string {
  let value = ''
  let isQuoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (char === '"') isQuoted = !isQuoted
    else if (char === '\\') value += text[++i] ?? ''
    else if (!isQuoted && (char === '#' || char === ';')) break
    else value += char
  }
  return value.trim()
}
