import { didYouMean } from '../errors.ts';

const SMALLER =
  "weights, gradients and the optimizer's state are 32-bit floats on every accelerator. " +
  'Use "32-true"; for less memory use smaller batches with accumulate_grad_batches.';

/** Lightning's spellings, old and new, and why each is refused. */
const refused: Readonly<Record<string, string>> = {
  '16': SMALLER,
  '16-mixed': SMALLER,
  '16-true': SMALLER,
  bf16: SMALLER,
  'bf16-mixed': SMALLER,
  'bf16-true': SMALLER,
  '64': 'TensorFlow.js has no 64-bit floats. Use "32-true".',
  '64-true': 'TensorFlow.js has no 64-bit floats. Use "32-true".',
  'transformer-engine': 'it is a library of NVIDIA for PyTorch. Use "32-true".',
  'transformer-engine-float16': 'it is a library of NVIDIA for PyTorch. Use "32-true".',
};

/** Why a value of the option `precision` cannot be had; null for the one that can. */
export function precisionRefusal(value: string | number): string | null {
  const name = String(value);
  if (name === '32-true' || name === '32') return null;
  const why = Object.hasOwn(refused, name)
    ? refused[name]
    : `expected "32-true".${didYouMean(name, ['32-true', ...Object.keys(refused)])}`;
  return `precision ${JSON.stringify(value)} is not available: ${why}`;
}
