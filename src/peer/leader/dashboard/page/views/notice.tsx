import { useEffect, useRef, useState } from 'preact/hooks'
import { useChosen, useKnown, useNames, usePage } from '../view.ts'
import { detailOf, shown, titleOf } from '../words.ts'

const STAYS_MS = 5_000
const FAILURE_STAYS_MS = 12_000

/** What was just done here, or could not be. */
export function Notice() {
  const { chosen } = usePage()
  const notice = useChosen((c) => c.notice)
  useEffect(() => {
    if (!notice) return
    const timer = setTimeout(() => chosen.set({ notice: null }), notice.failed ? FAILURE_STAYS_MS : STAYS_MS)
    return () => clearTimeout(timer)
  }, [notice, chosen])
  return (
    <>
      <div class="notices" role="status">
        {notice && !notice.failed && <p class="notice">{shown(notice.text)}</p>}
      </div>
      <div class="notices" role="alert">
        {notice?.failed && <p class="notice failed">{shown(notice.text)}</p>}
      </div>
    </>
  )
}

/** A screen reader is told what happens in the mesh, but not more often than it can say it. */
const SPEAKS_EVERY_MS = 4_000

export function Announcer() {
  const events = useKnown((known) => known.events)
  const link = useKnown((known) => known.link.state)
  const nameOf = useNames()
  const [text, say] = useState('')
  const told = useRef<number | null>(null)
  const due = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const latest = useRef(events)
  latest.current = events
  useEffect(() => {
    if (due.current !== undefined || link !== 'live') return
    due.current = setTimeout(
      () => {
        due.current = undefined
        const last = latest.current.at(-1)
        const before = told.current
        told.current = last?.seq ?? 0
        if (!last || before === null || last.seq <= before) return
        const others = last.seq - before - 1
        say(
          `${last.emittedByName ?? 'the mesh'} ${titleOf(last.type)} ${detailOf(last, nameOf)}${others > 0 ? `; and ${others} more` : ''}`,
        )
      },
      told.current === null ? 0 : SPEAKS_EVERY_MS,
    )
  }, [events, link])
  useEffect(() => () => clearTimeout(due.current), [])
  return (
    <p class="unseen" aria-live="polite">
      {shown(text)}
    </p>
  )
}
