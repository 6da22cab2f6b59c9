/** A migration's text; the bundler and the test runner embed it. */
declare module '*.sql' {
  const text: string
  export default text
}
