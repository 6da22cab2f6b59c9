import { onTestFailed, TestRunner } from 'vitest'

/** What was started for all tests of a file, and is shown with each of them that fails. */
const ofTheFile: (() => void)[] = []

/** Shows something when the test fails that runs now; between tests, when any of those that follow does. */
export function onFailure(show: () => void): void {
  if (TestRunner.getCurrentTest()) onTestFailed(show)
  else ofTheFile.push(show)
}

/** For the `beforeEach` and `afterAll` of who starts something for all tests of a file. */
export const showOnFailure = (): void => {
  for (const show of ofTheFile) onTestFailed(show)
}
export const showNoMore = (): void => void ofTheFile.splice(0)
