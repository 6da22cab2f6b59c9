export async function main(..._: unknown[]): Promise<number> {
  return 0
}
