import { conformance } from './cases.ts'
import { scripts } from './scripts.ts'

conformance('REST, as registered scripts', scripts)
