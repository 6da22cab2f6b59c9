import { type Define, type Desk, examples } from '../command.ts'
import { type LetterOptions, letterOptions, post } from '../letter.ts'

export const define: Define = (command, handle) => {
  letterOptions(
    command
      .argument('<peer>', 'name, id or id prefix; a message to one that is away waits for it')
      .argument('<message>', 'the text; - reads it from standard input, without its last newline'),
  )
    .addHelpText(
      'after',
      examples(
        'slm-mesh send brave-otter "the tests are green again"',
        'git diff | slm-mesh send brave-otter -',
        'slm-mesh send brave-otter --priority urgent "stop: the schema is about to change"',
        'slm-mesh send brave-otter -- "-1 is what it printed"',
      ),
    )
    .action(handle(send))
}

const send = (desk: Desk, options: LetterOptions, peer: string, message: string) => post(desk, peer, message, options)
