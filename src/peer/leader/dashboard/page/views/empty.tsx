/** What is shown where there is nothing of the mesh to show. */

/** The key is missing, or no longer valid. */
export function SignedOut({ never = false }: { never?: boolean }) {
  return (
    <main class="gate">
      <h1>{never ? 'This page needs a link of its own' : 'This link is no longer valid'}</h1>
      <p>
        {never
          ? 'It shows what your agents are doing, so it opens only with a key, which comes with the link.'
          : 'A link works until it has not been used for 12 hours.'}
      </p>
      <p>In a terminal, run this, and open the link that it gives you:</p>
      <pre>slm-mesh ui</pre>
    </main>
  )
}

export const Starting = ({ offline }: { offline: string | null }) => (
  <main class="gate">
    <h1 aria-live="polite">{offline === null ? 'Looking at the mesh…' : 'No leader answers'}</h1>
    {offline === null ? (
      <div class="bones" aria-hidden="true">
        <i />
        <i />
        <i />
      </div>
    ) : (
      <>
        <p>It is asked again and again; the page goes on by itself once a leader is there.</p>
        <p>Is any agent of yours still running? If not, start one, or run:</p>
        <pre>slm-mesh start</pre>
      </>
    )}
  </main>
)
