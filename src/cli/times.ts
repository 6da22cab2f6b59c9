import { ago, span } from '../core/visible.ts'

/** Times for people: how long ago or until, or as local date and time where the caller asked for absolute ones. */

export interface Times {
  /** A moment that has been. */
  past(iso: string): string
  /** A moment to come. */
  ahead(iso: string): string
}

export const times = (absolute: boolean, now: number): Times =>
  absolute ? { past: local, ahead: local } : { past: (iso) => ago(iso, now), ahead: (iso) => `in ${span(Date.parse(iso) - now)}` }

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The milliseconds of `90s`, `10m`, `2h` or `1d`; undefined for anything else. Pure. */
export function durationMs(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  const unitMs = UNITS_MS[unit]
  return unitMs === undefined ? undefined : Number(count) * unitMs
}

/** `2026-11-25 14:05:09`, in the local time zone. */
export function local(iso: string): string {
  const date = new Date(iso)
  const two = (n: number) => String(n).padStart(2, '0')
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`
}
