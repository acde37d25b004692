import { UsageError } from '../../runtime/src/errors.ts';
import { machineFacts } from '../machine.ts';
import type { Suite } from '../suite.ts';
import { convolutionPieces } from './pieces.ts';
import { race } from './race.ts';

/** Ways to lower a piece of a model to ONNX, side by side: why the runtime does as it does. */
// eslint-disable-next-line @typescript-eslint/require-await -- a suite returns a promise
export const loweringsSuite: Suite = async (report, { cases: wanted, rounds = 8 }) => {
  const pieces = convolutionPieces();
  const unknown = wanted.find((name) => pieces.every((piece) => piece.name !== name));
  if (unknown !== undefined) {
    const names = pieces.map(({ name }) => name).join(', ');
    throw new UsageError('ERR_BENCH_CASE', `--case: expected one of ${names}, got "${unknown}".`);
  }
  report.machine({ ...machineFacts() });
  for (const piece of pieces) {
    if (wanted.length === 0 || wanted.includes(piece.name)) race(report, piece, rounds);
  }
};
