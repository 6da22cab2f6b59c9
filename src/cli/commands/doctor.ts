import { type Finding, runChecks, siteOf } from '../checks/check.ts'
import { type Define, type Desk, examples } from '../command.ts'
import { EXIT_FAILED, EXIT_OK } from '../failures.ts'
import { paint } from '../terminal.ts'

export const define: Define = (command, handle) => {
  command
    .addHelpText(
      'after',
      `\nIt looks, and changes nothing. Exit code 1 where something has failed; a warning\nis none.\n${examples('slm-mesh doctor', `slm-mesh doctor --json | jq '.findings[] | select(.status != "ok")'`)}`,
    )
    .action(handle(doctor))
}

async function doctor(desk: Desk): Promise<number> {
  const [{ allChecks }, { showFindings }] = await Promise.all([import('../checks/all.ts'), import('../checks/show.ts')])
  const findings = await runChecks(siteOf(desk), allChecks)
  const failed = findings.filter(({ status }) => status === 'fail').length
  desk.answer({ healthy: failed === 0, findings }, () => `${showFindings(desk.terminal, findings)}\n\n${summary(desk, findings)}`)
  return failed === 0 ? EXIT_OK : EXIT_FAILED
}

function summary({ terminal }: Desk, findings: readonly Finding[]): string {
  const count = (status: Finding['status']) => findings.filter((finding) => finding.status === status).length
  const [failed, warned] = [count('fail'), count('warn')]
  if (failed > 0) return paint(terminal, 'red', `${failed} failed, ${warned} to be looked at.`)
  if (warned > 0) return paint(terminal, 'yellow', `Nothing failed, ${warned} to be looked at.`)
  return paint(terminal, 'green', 'All is well.')
}
