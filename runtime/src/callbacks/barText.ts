/** How a bar is drawn. */
export interface BarStyle {
  /** Characters of the bar itself; 0: numbers alone. */
  readonly width: number;
  /** For terminals without block characters. */
  readonly ascii?: boolean;
  /** `#rrggbb`; null: that of the terminal. */
  readonly colour?: string | null;
}

/** ` 42% ████░░░░ 197/469 batches`; without a total `197 batches`. */
export function drawBar(done: number, total: number | null, style: BarStyle, unit = ''): string {
  if (total === null) return `${String(done)} ${unit === '' ? 'batches' : unit}`;
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const bar = style.width === 0 ? '' : ` ${blocks(share, style)}`;
  const percent = `${String(Math.floor(share * 100)).padStart(3)}%`;
  return `${percent}${bar} ${String(done)}/${String(total)}${unit === '' ? '' : ` ${unit}`}`;
}

function blocks(share: number, { width, ascii, colour }: BarStyle): string {
  const full = Math.round(share * width);
  const [filled, empty] = ascii === true ? ['#', '.'] : ['█', '░'];
  const bar = filled.repeat(full) + empty.repeat(width - full);
  if (colour == null) return bar;
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return `\u001B[38;2;${String(red)};${String(green)};${String(blue)}m${bar}\u001B[0m`;
}

/** `34 it/s`, with two decimals below ten. */
export function formatRate(perSecond: number): string {
  if (!Number.isFinite(perSecond)) return '? it/s';
  return `${perSecond.toFixed(perSecond < 10 ? 2 : 0)} it/s`;
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
