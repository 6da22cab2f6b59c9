import { VERSION } from '../../core/version.ts'
import { type Define, type Desk, examples } from '../command.ts'

export const define: Define = (command, handle) => {
  command.addHelpText('after', examples('slm-mesh version', 'slm-mesh version --json | jq -r .version')).action(handle(version))
}

async function version(desk: Desk): Promise<undefined> {
  desk.answer({ version: VERSION, node: process.version }, () => VERSION)
}
