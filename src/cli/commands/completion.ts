import { Argument } from 'commander'
import { type Define, type Desk, examples } from '../command.ts'
import { SHELLS, type Shell, scripts } from './completion/scripts.ts'

/** Prints what a shell needs so that Tab completes commands, options, and what there is on the mesh. */

export const define: Define = (command, handle) => {
  command
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      examples(
        "echo 'source <(slm-mesh completion bash)' >> ~/.bashrc",
        "echo 'source <(slm-mesh completion zsh)' >> ~/.zshrc",
        'slm-mesh completion fish > ~/.config/fish/completions/slm-mesh.fish',
      ),
    )
    .action(handle(completion))
}

async function completion(desk: Desk, _options: object, shell: Shell): Promise<undefined> {
  const script = scripts[shell]
  desk.answer({ shell, script }, () => script.trimEnd())
}
