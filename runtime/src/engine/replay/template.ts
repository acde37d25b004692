import type * as tf from '@tensorflow/tfjs-core';
import type { ParameterArena } from '../arena/parameterArena.ts';
import type { OrtBackend } from '../ort/backend.ts';
import type { Entry, NumericType, Values } from '../ort/entry.ts';
import type { Capture } from './capture.ts';
import { explainRandom, type RandomInput } from './randomInput.ts';
import { sourceLine } from './sourceLine.ts';

/** Where an input of the graph comes from in each replay. */
export type Source =
  | { readonly kind: 'batch'; readonly index: number }
  | { readonly kind: 'variable'; readonly variable: tf.Variable }
  /** Exists since before the step and stays: positions, class weights. */
  | { readonly kind: 'held'; readonly entry: Entry }
  | { readonly kind: 'constant'; readonly values: Values; readonly trace: Error }
  | { readonly kind: 'random'; readonly draw: number; readonly make: RandomInput };

/** A value that the step logs: a number of its own, an output, or a tensor of the batch itself. */
export type Scalar = { readonly tag: string } & (
  { readonly value: number } | { readonly output: number } | { readonly batch: number }
);

/** A gradient that is no output of its own: another one's values go there too. */
export interface GradientCopy {
  readonly output: number;
  readonly into: Float32Array;
}

/** Type and shape of an input or output. */
export interface Port {
  readonly dtype: NumericType;
  readonly shape: readonly number[];
}

/** One recorded step in the form in which it can be run again. */
export interface Template {
  /** Of the session that computes it. */
  readonly key: string;
  readonly inputs: readonly { readonly port: Port; readonly source: Source }[];
  /** `into` is where it is written; null for those that need new memory in each replay. */
  readonly outputs: readonly { readonly port: Port; readonly into: Values | null }[];
  readonly loss: number;
  readonly scalars: readonly Scalar[];
  /** Variables that the step assigns, with the output that holds the new value. */
  readonly assigned: readonly { readonly variable: tf.Variable; readonly output: number }[];
  readonly copies: readonly GradientCopy[];
  /** Parts of the gradient vector that no output fills. */
  readonly untouched: readonly Float32Array[];
  readonly draws: number;
}

/** What the caller knows of a step that was just recorded. */
export interface RecordedStep {
  readonly loss: tf.Tensor;
  readonly scalars: readonly { readonly tag: string; readonly value: number | tf.Tensor }[];
}

/** What a step may read that is not its own. */
export interface Surroundings {
  readonly backend: OrtBackend;
  readonly batch: ReadonlyMap<Entry, number>;
  /** Every variable under the entry that it had before the step. */
  readonly variables: ReadonlyMap<Entry, tf.Variable>;
  readonly arena: ParameterArena;
}

/** Makes the template of a recorded step, or says in words why there is none. */
export function describeStep(
  capture: Capture,
  recorded: RecordedStep,
  around: Surroundings,
): Template | string {
  const run = capture.runs.at(0);
  if (capture.obstacle !== null || run === undefined) return capture.obstacle ?? 'nothing ran';
  const { plan, results } = run;
  const random = explainDraws(capture);
  if (typeof random === 'string') return random;
  const inputs = plan.inputs.map((entry) => ({
    port: portOf(entry),
    source: random.get(entry) ?? sourceOf(entry, capture, around),
  }));
  const outputs = new Map(plan.outputs.map(({ entry }, index) => [entry, index]));
  const outputOf = (tensor: tf.Tensor) => outputs.get(around.backend.entryOf(tensor.dataId));

  const assigned = [];
  for (const [before, variable] of around.variables) {
    const now = around.backend.entryOf(variable.dataId);
    if (now === before) continue;
    const output = outputs.get(now);
    if (output === undefined) return `it assigns ${variable.name} a value that no graph computes`;
    assigned.push({ variable, output });
  }
  const loss = outputOf(recorded.loss);
  if (loss === undefined) return 'its loss is no result of a graph';
  const scalars: Scalar[] = [];
  for (const { tag, value } of recorded.scalars) {
    if (typeof value === 'number') {
      scalars.push({ tag, value });
      continue;
    }
    const batch = around.batch.get(around.backend.entryOf(value.dataId));
    const output = outputOf(value);
    if (batch !== undefined) scalars.push({ tag, batch });
    else if (output !== undefined) scalars.push({ tag, output });
    else return `the value it logs as ${tag} is no result of a graph`;
  }
  const gradients = placeGradients(capture, results, outputs);
  if (typeof gradients === 'string') return gradients;
  const known = new Set([
    loss,
    ...scalars.flatMap((scalar) => ('output' in scalar ? [scalar.output] : [])),
    ...assigned.map(({ output }) => output),
  ]);
  const kept = plan.outputs.find(({ entry }, index) => entry.refCount > 0 && !known.has(index));
  if (kept !== undefined) {
    return `it keeps a tensor of shape [${kept.entry.shape.join(', ')}] for later`;
  }
  const fresh = new Set(assigned.map(({ output }) => output));
  return {
    key: plan.key,
    inputs,
    outputs: plan.outputs.map(({ entry }, index) => ({
      port: portOf(entry),
      into: fresh.has(index) ? null : (gradients.direct.get(index) ?? results[index].slice()),
    })),
    loss,
    scalars,
    assigned,
    copies: gradients.copies,
    untouched: untouchedParts(capture, around.arena),
    draws: capture.draws.length,
  };
}

/** Every number drawn must have become a tensor in a way that can be repeated. */
function explainDraws({ writes, draws }: Capture): Map<Entry, Source> | string {
  const sources = new Map<Entry, Source>();
  for (const [entry, { draw, trace }] of writes) {
    if (draw === null || entry.values === null) continue;
    const make = explainRandom(entry, entry.values, draws[draw]);
    if (make === null) return `it draws random numbers itself${sourceLine(trace)}`;
    sources.set(entry, { kind: 'random', draw, make });
  }
  return sources;
}

function sourceOf(entry: Entry, capture: Capture, around: Surroundings): Source {
  const index = around.batch.get(entry);
  if (index !== undefined) return { kind: 'batch', index };
  const variable = around.variables.get(entry);
  if (variable !== undefined) return { kind: 'variable', variable };
  const write = capture.writes.get(entry);
  if (write === undefined || entry.values === null) return { kind: 'held', entry };
  return { kind: 'constant', values: entry.values.slice(), trace: write.trace };
}

function placeGradients(
  capture: Capture,
  results: readonly Values[],
  outputs: ReadonlyMap<Entry, number>,
): { direct: Map<number, Float32Array>; copies: GradientCopy[] } | string {
  const direct = new Map<number, Float32Array>();
  const copies: GradientCopy[] = [];
  for (const { tensor, into } of capture.gradients) {
    // The entry itself: the tensor may be disposed by now.
    const output = outputs.get(tensor.dataId as Entry);
    if (output === undefined) {
      return `the gradient of shape [${tensor.shape.join(', ')}] is no result of a graph`;
    }
    if (results[output] === into) direct.set(output, into);
    else copies.push({ output, into });
  }
  return { direct, copies };
}

function untouchedParts(capture: Capture, arena: ParameterArena): Float32Array[] {
  const filled = new Set(capture.gradients.map(({ into }) => into.byteOffset));
  return arena.segments
    .map((segment) => arena.part(arena.grads, segment))
    .filter(({ byteOffset }) => !filled.has(byteOffset));
}

function portOf({ dtype, shape }: Entry): Port {
  return { dtype: dtype as NumericType, shape };
}

/** What differs between two recordings of the same step, or null when replaying is safe. */
export function differenceOf(earlier: Template, later: Template): string | null {
  if (earlier.key !== later.key) return 'its operations differ from one step to the next';
  if (earlier.draws !== later.draws) return 'it draws more random numbers in some steps';
  for (const [index, before] of earlier.inputs.entries()) {
    const difference = sourceDifference(before.source, later.inputs[index].source, before.port);
    if (difference !== null) return difference;
  }
  return scalarDifference(earlier, later);
}

function sourceDifference(before: Source, after: Source, port: Port): string | null {
  const shape = `[${port.shape.join(', ')}]`;
  if (before.kind === 'constant' && after.kind === 'constant') {
    const same = before.values.every((value, at) => Object.is(value, after.values[at]));
    return same
      ? null
      : `JavaScript computes a tensor of shape ${shape} anew in each step${sourceLine(after.trace)}`;
  }
  const same =
    (before.kind === 'batch' && after.kind === 'batch' && before.index === after.index) ||
    (before.kind === 'variable' &&
      after.kind === 'variable' &&
      before.variable === after.variable) ||
    (before.kind === 'held' && after.kind === 'held' && before.entry === after.entry) ||
    (before.kind === 'random' && after.kind === 'random' && before.draw === after.draw);
  return same ? null : `it reads a tensor of shape ${shape} that is another one in each step`;
}

function scalarDifference(earlier: Template, later: Template): string | null {
  for (const [index, before] of earlier.scalars.entries()) {
    const after = later.scalars.at(index);
    const same =
      before.tag === after?.tag &&
      ('output' in before
        ? 'output' in after && before.output === after.output
        : 'batch' in before
          ? 'batch' in after && before.batch === after.batch
          : 'value' in after && Object.is(before.value, after.value));
    if (!same) return `what it logs as ${before.tag} is a number that JavaScript computes`;
  }
  return earlier.scalars.length === later.scalars.length ? null : 'it logs more in some steps';
}
