/** Server-Sent Events from a fetched body: an EventSource could not send the key. Pure. */

export interface Frame {
  readonly id: string | null
  readonly event: string
  readonly data: string
}

/** Takes text as it arrives, cut anywhere, and gives the frames that it completes; comments give none. */
export function createReader(): (text: string) => Frame[] {
  let rest = ''
  return (text) => {
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop() ?? ''
    return blocks.flatMap((block) => frameOf(block) ?? [])
  }
}

function frameOf(block: string): Frame | undefined {
  let id: string | null = null
  let event = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    const [, field, value] = /^([^:]+):? ?(.*)$/.exec(line) ?? []
    if (field === 'id') id = value ?? ''
    else if (field === 'event') event = value ?? ''
    else if (field === 'data') data.push(value ?? '')
  }
  return data.length > 0 ? { id, event, data: data.join('\n') } : undefined
}
