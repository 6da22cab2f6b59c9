import { render } from 'preact'
import type { Overview } from '../contract.ts'

const key = location.hash.slice('#key='.length)
history.replaceState(null, '', '/')

const answer = await fetch('/dashboard/overview', { headers: { authorization: `Bearer ${key}` } })
const overview: Overview = await answer.json()
const app = document.getElementById('app')
if (app) render(<h1>{overview.peers.length} peers</h1>, app)
