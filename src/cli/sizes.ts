/** Sizes for people: `912 B`, `3.4 KiB`, `120 MiB`. Pure. */
export function bytes(count: number): string {
  let value = count
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (value < 1024 || unit === 'GiB') return `${value < 10 && unit !== 'B' ? value.toFixed(1) : Math.round(value)} ${unit}`
    value /= 1024
  }
  return `${count} B`
}
