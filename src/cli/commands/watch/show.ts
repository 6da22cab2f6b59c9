import { monotonicMs } from '../../../core/clock.ts'
import { sleep } from '../../../core/scope.ts'
import type { Desk } from '../../command.ts'
import type { Terminal } from '../../terminal.ts'
import { type Controls, keepPlace, press, START } from './controls.ts'
import { feed, openConnection } from './feed.ts'
import { split } from './keys.ts'
import { apply, empty, type Model } from './model.ts'
import { draw, ENTER, type Frame, LEAVE } from './screen.ts'
import { view } from './view.ts'

/** The live screen: changes, keys and the clock turn the model, and at most ten times a second what is seen. */

const FRAME_MS = 100
/** How long a sequence of a key's characters may be under way. */
const ESCAPE_MS = 50
const REDRAW = '\u000c' // Ctrl-L

/**
 * Resolves when the person at the keyboard has seen enough, or the desk's signal is aborted. Throws, before the screen is
 * taken, where there is no mesh to watch; and on a failure of ours, once the screen is given back.
 */
export async function show(desk: Desk, keys: NonNullable<Terminal['keys']>): Promise<void> {
  const { terminal } = desk
  let model: Model = empty(desk.layout.dataDir)
  let controls: Controls = START
  let frame: Frame | undefined
  let typed = ''
  let failed: { error: unknown } | undefined
  const ended = new AbortController()
  const signal = AbortSignal.any([desk.signal, ended.signal])
  const seat = { ...desk, signal }
  const connection = await openConnection(seat)

  /** What fails in a callback ends the screen first, and is said on the other one. */
  const careful =
    <A extends readonly unknown[]>(run: (...args: A) => void) =>
    (...args: A) => {
      try {
        if (!signal.aborted) run(...args)
      } catch (error) {
        failed ??= { error }
        ended.abort()
      }
    }

  const redraw = careful(() => {
    const size = terminal.size()
    const next = draw(frame, view(model, controls, size, Date.now()), size, terminal.colour)
    frame = next.frame
    if (next.bytes !== '') terminal.out(next.bytes)
  })
  let drawnAt = Number.NEGATIVE_INFINITY
  let isDue = false
  const drawSoon = () => {
    if (isDue) return
    isDue = true
    void sleep(Math.max(0, drawnAt + FRAME_MS - monotonicMs()), signal).then(() => {
      isDue = false
      drawnAt = monotonicMs()
      redraw()
    })
  }
  const drawAnew = () => {
    frame = undefined
    drawSoon()
  }

  const onKeys = (whole: readonly string[]) => {
    for (const key of whole) {
      if (key === REDRAW) drawAnew()
      const next = press(controls, key, model, terminal.size(), Date.now())
      if (!next) return ended.abort()
      controls = next
    }
    drawSoon()
  }
  const onKey = careful((chunk: string) => {
    const { keys: whole, rest } = split(typed + chunk)
    typed = rest
    onKeys(whole)
    if (rest === '') return
    void sleep(ESCAPE_MS, signal).then(
      careful(() => {
        if (typed !== rest) return
        typed = ''
        onKeys([rest])
      }),
    )
  })

  terminal.out(ENTER)
  const keyboard = keys({ key: onKey, resize: drawAnew }, LEAVE)
  try {
    drawSoon()
    // Just after each full second, so that the countdowns and the clock go together.
    void (async () => {
      while (!signal.aborted) {
        await sleep(1_000 - (Date.now() % 1_000) + 5, signal)
        drawSoon()
      }
    })()
    await feed(
      seat,
      connection,
      careful((change) => {
        const before = model
        model = apply(before, change)
        controls = keepPlace(controls, before, model)
        drawSoon()
      }),
    )
  } finally {
    ended.abort()
    keyboard[Symbol.dispose]()
  }
  if (failed) throw failed.error
}
