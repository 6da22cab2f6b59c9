import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { PagePath } from './places.ts'

/** The page's files, as the build has made them: read when they are asked for, compressed already. */

const FILES: Readonly<Record<PagePath, readonly [name: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/dashboard/app.js': ['app.js', 'text/javascript; charset=utf-8'],
  '/dashboard/app.css': ['app.css', 'text/css; charset=utf-8'],
  '/dashboard/icon.svg': ['icon.svg', 'image/svg+xml; charset=utf-8'],
}

/**
 * What others have written is shown on this page, so nothing runs or loads that the build has not made (G8): no inline
 * script or style, nothing from elsewhere; nobody frames it, is told where it stood, or keeps a hand on its window.
 */
const HEADERS = {
  'Content-Security-Policy': [
    ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"],
    ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"],
  ].join('; '),
  'X-Frame-Options': 'DENY',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
  'Cache-Control': 'no-store',
  Vary: 'Accept-Encoding',
}

const ENCODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const

/** One file of the page, in the best form that the browser takes. */
export async function pageFile(path: PagePath, accepted: string): Promise<Response> {
  const [name, type] = FILES[path]
  // `br;q=0` is not how a browser says it; whoever does gets what it did not want, marked as what it is.
  const [encoding, ending] = ENCODINGS.find(([each]) => new RegExp(`\\b${each}\\b`).test(accepted)) ?? [null, '']
  const bytes = await readFile(join(placeOfPage(), name + ending))
  const headers = { ...HEADERS, 'Content-Type': type, 'Content-Length': String(bytes.length) }
  return new Response(bytes, { headers: { ...headers, ...(encoding && { 'Content-Encoding': encoding }) } })
}

/** Beside the chunks; from the source, in what was built last. */
function placeOfPage(): string {
  const here = dirname(import.meta.filename)
  const built = join(here, '..', 'dashboard')
  return existsSync(join(built, 'app.js')) ? built : join(here, '../../../../dist/dashboard')
}
