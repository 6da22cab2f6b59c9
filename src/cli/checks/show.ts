import { pad } from '../table.ts'
import { paint, type Style, safe, type Terminal } from '../terminal.ts'
import { width as widthOf } from '../width.ts'
import { wrap } from '../wrap.ts'
import type { Finding } from './check.ts'

/** Findings for people: one line each, with a mark; below it the fix. For a program each stays on its line. */

const MARKS: { readonly [S in Finding['status']]: readonly [mark: string, style: Style] } = {
  ok: ['✓', 'green'],
  warn: ['!', 'yellow'],
  fail: ['✗', 'red'],
  unknown: ['?', 'dim'],
}

export function showFindings(terminal: Terminal, findings: readonly Finding[]): string {
  const nameWidth = Math.max(...findings.map(({ check }) => widthOf(safe(check))), 0)
  const indent = nameWidth + 4
  const width = terminal.isTty ? terminal.size().columns : Number.POSITIVE_INFINITY
  return findings
    .flatMap(({ check, status, found, fix }) => {
      const [mark, style] = MARKS[status]
      const head = `${paint(terminal, style, mark)} ${paint(terminal, 'bold', pad(safe(check), nameWidth))}  `
      const body = wrap(safe(found), width - indent, 0).replaceAll('\n', `\n${' '.repeat(indent)}`)
      const mend = fix && wrap(`→ ${safe(fix)}`, width - indent, 2).replaceAll('\n', `\n${' '.repeat(indent)}`)
      return mend ? [head + body, ' '.repeat(indent) + paint(terminal, 'cyan', mend)] : [head + body]
    })
    .join('\n')
}
