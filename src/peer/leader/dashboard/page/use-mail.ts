import { useEffect, useRef, useState } from 'preact/hooks'
import type { MessagePage, OverviewMessage } from '../contract.ts'
import { sentenceOf } from './ask.ts'
import { withMessages } from './model.ts'
import { useKnown, usePage } from './view.ts'

/** Mail that the leader finds: of a peer, of a thread, with a text. Read again as mail changes. */

export interface Found {
  /** Oldest first; undefined until the leader has answered. */
  readonly messages: readonly OverviewMessage[] | undefined
  readonly more: boolean
  readonly failed: string | null
  loadOlder(): Promise<void>
}

export interface MailQuery {
  readonly peer?: string | undefined
  readonly thread?: string | undefined
  readonly text?: string | undefined
}

const PAGE = 100
const TYPING_MS = 200

const pathOf = (query: MailQuery, before?: number) => {
  const asked = Object.entries({ ...query, before }).filter(([, value]) => value !== undefined && value !== '')
  return `/dashboard/messages?${new URLSearchParams([...asked.map(([k, v]): [string, string] => [k, String(v)]), ['limit', String(PAGE)]])}`
}

export function useFoundMail(query: MailQuery): Found {
  const { mesh } = usePage()
  const changes = useKnown((known) => known.mailChanges)
  const asked = JSON.stringify(query)
  const [found, set] = useState<{
    asked: string
    messages?: readonly OverviewMessage[]
    next: number | null
    failed: string | null
  }>({
    asked,
    next: null,
    failed: null,
  })
  const shown = useRef(found)
  shown.current = found
  const fresh = found.asked === asked

  useEffect(() => {
    let over = false
    const look = async () => {
      try {
        const page = await mesh.ask<MessagePage>(pathOf(query))
        if (over) return
        set((now) => {
          const again = now.asked === asked && now.messages !== undefined
          return {
            asked,
            messages: withMessages(again ? (now.messages ?? []) : [], page.messages),
            next: again ? now.next : nextOf(page),
            failed: null,
          }
        })
      } catch (error) {
        if (!over) set((now) => ({ ...(now.asked === asked ? now : { asked, next: null }), failed: sentenceOf(error) }))
      }
    }
    const timer = setTimeout(look, shown.current.asked === asked && shown.current.messages ? 0 : TYPING_MS)
    return () => {
      over = true
      clearTimeout(timer)
    }
  }, [asked, changes])

  return {
    messages: fresh ? found.messages : undefined,
    more: fresh && found.next !== null,
    failed: fresh ? found.failed : null,
    async loadOlder() {
      if (found.next === null) return
      const page = await mesh.ask<MessagePage>(pathOf(query, found.next))
      set((now) =>
        now.asked === asked ? { ...now, messages: withMessages(now.messages ?? [], page.messages), next: nextOf(page) } : now,
      )
    },
  }
}

/** Where to go on. An empty page may have more behind it: a search looks at so many at a time. */
const nextOf = ({ more, next }: MessagePage): number | null => (more ? next : null)
