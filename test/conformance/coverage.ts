import type { Calls } from './kernelCalls.ts';
import type { SuiteReport } from './report.ts';

/** Prints how many kernel calls ran as ONNX, in all and for each kernel that did not always. */
export function printCoverage({ kernels }: SuiteReport): void {
  const rows = Object.entries(kernels);
  const lowered = total(rows, 'lowered');
  const fallback = total(rows, 'fallback');
  const share = ((100 * lowered) / (lowered + fallback)).toFixed(1);
  const sometimes = rows.filter(([, calls]) => calls.fallback > 0);
  console.log('kernels with calls on the fallback (calls as ONNX + on the fallback):');
  console.log(wrap(sometimes.toSorted(byFallback).map(format)));
  console.log(
    `kernel calls: ${lowered} as ONNX, ${fallback} on the fallback (${share} % as ONNX); ` +
      `${total(rows, 'other')} only shared data or were refused`,
  );
}

type Row = readonly [string, Calls];

function total(rows: readonly Row[], kind: keyof Calls): number {
  return rows.reduce((sum, [, calls]) => sum + calls[kind], 0);
}

function byFallback([, a]: Row, [, b]: Row): number {
  return b.fallback - a.fallback;
}

function format([name, { lowered, fallback }]: Row): string {
  return `${name} ${lowered}+${fallback}`;
}

function wrap(items: readonly string[]): string {
  let text = ' ';
  let column = 1;
  for (const item of items) {
    if (column + item.length > 98) {
      text += '\n ';
      column = 1;
    }
    text += ` ${item},`;
    column += item.length + 2;
  }
  return text.replace(/,$/, '');
}
