/** Two texts as a unified diff. Pure. */

const CONTEXT = 3
/** Beyond this many cells the middle is shown as replaced: no configuration of ours gets there. */
const MAX_CELLS = 4_000_000

type Line = readonly [sign: ' ' | '-' | '+', text: string]

export function unifiedDiff(file: string, before: string | undefined, after: string | undefined): string[] {
  const lines = compare(linesOf(before), linesOf(after))
  const name = (text: string | undefined) => (text === undefined ? '/dev/null' : file)
  return [`--- ${name(before)}`, `+++ ${name(after)}`, ...hunks(lines)]
}

/** Each with its own end, so that a missing one is seen as a difference. */
const linesOf = (text: string | undefined): string[] => (text ?? '').match(/[^\n]*\n|[^\n]+$/g) ?? []

function compare(a: readonly string[], b: readonly string[]): Line[] {
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++
  const same = (lines: readonly string[]): Line[] => lines.map((line) => [' ', line])
  return [
    ...same(a.slice(0, head)),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...same(a.slice(a.length - tail)),
  ]
}

/** By the longest common subsequence. */
function middle(a: readonly string[], b: readonly string[]): Line[] {
  if (a.length * b.length > MAX_CELLS) return [...a.map((line): Line => ['-', line]), ...b.map((line): Line => ['+', line])]
  const width = b.length + 1
  const common = new Uint32Array((a.length + 1) * width)
  const cell = (i: number, j: number) => common[i * width + j] ?? 0
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] = a[i] === b[j] ? cell(i + 1, j + 1) + 1 : Math.max(cell(i + 1, j), cell(i, j + 1))
  const lines: Line[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push([' ', a[i++] ?? ''])
      j++
    } else if (j >= b.length || (i < a.length && cell(i + 1, j) >= cell(i, j + 1))) lines.push(['-', a[i++] ?? ''])
    else lines.push(['+', b[j++] ?? ''])
  }
  return lines
}

function hunks(lines: readonly Line[]): string[] {
  const out: string[] = []
  const isNear = lines.map((_, i) => lines.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1).some(([sign]) => sign !== ' '))
  const numbers = { '-': 1, '+': 1 }
  for (let i = 0; i < lines.length; ) {
    let end = i
    while (isNear[end]) end++
    const hunk = lines.slice(i, end)
    if (hunk.length > 0) out.push(title(hunk, numbers), ...hunk.flatMap(shown))
    const passed = hunk.length > 0 ? hunk : lines.slice(i, i + 1)
    for (const [sign] of passed) {
      if (sign !== '+') numbers['-']++
      if (sign !== '-') numbers['+']++
    }
    i += passed.length
  }
  return out
}

function title(hunk: readonly Line[], { '-': left, '+': right }: { '-': number; '+': number }): string {
  const side = (from: number, sign: '-' | '+') => {
    const count = hunk.filter(([one]) => one === ' ' || one === sign).length
    return `${sign}${count === 0 ? from - 1 : from},${count}`
  }
  return `@@ ${side(left, '-')} ${side(right, '+')} @@`
}

const shown = ([sign, text]: Line): string[] => {
  const line = sign + text.replace(/\r?\n$/, '')
  return text.endsWith('\n') ? [line] : [line, '\\ No newline at end of file']
}
