import * as tf from '@tensorflow/tfjs-core';
import { UsageError } from '../../errors.ts';

/**
 * Runs `body` and looks at the result of every operation in it.
 * @throws UsageError ERR_ANOMALY naming the first operation that made a NaN or infinity from
 *   finite numbers, in the loss or in its gradient
 */
export function detectAnomaly<T>(body: () => T): T {
  const engine = tf.engine() as unknown as Patched;
  const original = engine.runKernel.bind(engine);
  const hadOwn = Object.hasOwn(engine, 'runKernel');
  let anomaly: UsageError | null = null;
  let depth = 0;
  engine.runKernel = function (name, inputs, attributes) {
    depth++;
    let result: tf.Tensor | tf.Tensor[];
    try {
      result = original(name, inputs, attributes);
    } finally {
      depth--;
    }
    // An operation made of others is named as it was called.
    if (depth > 0 || anomaly !== null) return result;
    const bad = [result].flat().find((tensor) => !isFinite(tensor));
    if (bad === undefined || !Object.values(inputs).flat().every(isFinite)) return result;
    anomaly = describe(name, inputs, bad);
    return result;
  };
  try {
    const result = body();
    // Thrown here: an error inside the recording of gradients would leave its tensors behind.
    if (anomaly !== null) throw anomaly as UsageError;
    return result;
  } finally {
    if (hadOwn) engine.runKernel = original;
    else Reflect.deleteProperty(engine, 'runKernel');
  }
}

/** The part of tfjs's engine that is put in the way; private or not. */
interface Patched {
  runKernel(name: string, inputs: Inputs, attributes?: object): tf.Tensor | tf.Tensor[];
}

type Inputs = Readonly<Record<string, tf.Tensor | tf.Tensor[] | undefined>>;

function isFinite(tensor: tf.Tensor | undefined): boolean {
  // Operations may leave inputs out.
  if (tensor?.dtype !== 'float32') return true;
  return tensor.dataSync().every(Number.isFinite);
}

function describe(name: string, inputs: Inputs, bad: tf.Tensor): UsageError {
  const shapes = Object.entries(inputs).map(
    ([key, tensor]) => `${key} ${[tensor].flat().map(shapeOf).join(' ')}`,
  );
  const number = bad.dataSync().find((value) => !Number.isFinite(value));
  const { stackTraceLimit } = Error;
  // TensorFlow.js alone is more than ten frames deep.
  Error.stackTraceLimit = 60;
  const stack = new Error().stack ?? '';
  Error.stackTraceLimit = stackTraceLimit;
  const backward = stack.includes('backpropagateGradients');
  const frame = stack.split('\n').find((line) => /^\s+at /.test(line) && !isInside(line));
  const place = frame === undefined ? '' : ` It was called ${frame.trim()}.`;
  return new UsageError(
    'ERR_ANOMALY',
    `detect_anomaly: ${name}(${shapes.join(', ')}) made ${String(number)} from finite numbers, in ` +
      `the ${backward ? 'gradient' : 'loss'}.${backward ? '' : place}`,
  );
}

function shapeOf(tensor: tf.Tensor | undefined): string {
  return `[${tensor?.shape.join(', ') ?? ''}]`;
}

function isInside(frame: string): boolean {
  return /node_modules|tfjs-(core|layers)|runtime[\\/](src|dist)[\\/]|<anonymous>|node:/.test(
    frame,
  );
}
