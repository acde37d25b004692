/** `42% |████░░░░| 197/469`; without a total `197`, with width 0 no bar. */
export function drawBar(done: number, total: number | null, width: number): string {
  if (total === null) return `${String(done)} batches`;
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const full = Math.round(share * width);
  const bar = width === 0 ? '' : ` ${'█'.repeat(full)}${'░'.repeat(width - full)}`;
  return `${String(Math.floor(share * 100)).padStart(3)}%${bar} ${String(done)}/${String(total)}`;
}

/** Seconds as `05:07` or `1:05:07`. */
export function formatClock(seconds: number): string {
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600);
  const rest = [Math.floor((whole % 3600) / 60), whole % 60].map((part) =>
    String(part).padStart(2, '0'),
  );
  return [...(hours > 0 ? [String(hours)] : []), ...rest].join(':');
}

/** Four significant digits, scientific when very small or large. */
export function formatMetric(value: number): string {
  if (!Number.isFinite(value) || value === 0) return String(value);
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e5 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}
