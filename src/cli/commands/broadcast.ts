import { type Define, type Desk, examples } from '../command.ts'
import { type LetterOptions, letterOptions, post } from '../letter.ts'

export const define: Define = (command, handle) => {
  letterOptions(command.argument('<message>', 'the text; - reads it from standard input, without its last newline'))
    .addHelpText(
      'after',
      examples(
        'slm-mesh broadcast "main is frozen until 15:00"',
        'make test 2>&1 | tail -50 | slm-mesh broadcast --type alert -',
        'slm-mesh broadcast "anybody here?" --json | jq -r ".recipients[].name"',
      ),
    )
    .action(handle(broadcast))
}

const broadcast = (desk: Desk, options: LetterOptions, message: string) => post(desk, 'all', message, options)
