/** Six digits are enough to read; exact values are in the storage. */
export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(6)));
}
