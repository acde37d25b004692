import { notify } from '../notices.ts';
import { messageOf } from '../../errors.ts';
import { sizeOf } from '../onnx/value.ts';
import type { ElementType } from '../onnx/model.ts';
import { endName, type NativeTensor } from './binding.ts';
import { compilePlan, inputName, outputName } from './compile.ts';
import { allocate, isNumeric } from './entry.ts';
import type { Entry, Values } from './entry.ts';
import { interpret } from './interpret.ts';
import type { Plan } from './plan.ts';
import type { SessionCache } from './sessionCache.ts';

/** A view that an output is written into directly. */
export type Destination = Float32Array;

/** Runs a plan and gives its output entries their values, which it also returns in their order. */
export function runPlan(
  plan: Plan,
  sessions: SessionCache,
  destinations?: ReadonlyMap<Entry, Destination>,
): readonly Values[] {
  const feeds = feedsOf(plan);
  const read = destinations === undefined ? [] : regionsOf(plan.inputs);
  const results = plan.outputs.map(({ entry }) => resultArray(entry, read, destinations));
  try {
    sessions.run(
      plan.key,
      (layout) => compilePlan(plan, sessions.provider, layout),
      feeds,
      fetchesOf(plan, results),
    );
    for (const [index, { entry }] of plan.outputs.entries()) {
      entry.values = results[index];
      entry.borrowed = destinations?.get(entry) === results[index];
    }
  } catch (error) {
    recover(plan, error);
  }
  for (const node of plan.nodes) {
    for (const entry of node.outputs) entry.node = null;
  }
  return results;
}

function feedsOf(plan: Plan): Record<string, NativeTensor> {
  const feeds: Record<string, NativeTensor> = {};
  for (const [index, entry] of plan.inputs.entries()) {
    if (entry.values === null) {
      throw new Error('A tensor that this graph reads was never computed.', {
        cause: entry.failure,
      });
    }
    feeds[inputName(index)] = native(entry, entry.values);
  }
  return feeds;
}

function fetchesOf(plan: Plan, results: readonly Values[]): Record<string, NativeTensor | null> {
  const fetches: Record<string, NativeTensor | null> = { [endName]: null };
  for (const [index, { entry }] of plan.outputs.entries()) {
    fetches[outputName(index)] = native(entry, results[index]);
  }
  return fetches;
}

function native(entry: Entry, data: Values): NativeTensor {
  return { type: entry.dtype as ElementType, data, dims: entry.shape, location: 'cpu' };
}

function resultArray(
  entry: Entry,
  read: readonly Region[],
  destinations: ReadonlyMap<Entry, Destination> | undefined,
): Values {
  const destination = destinations?.get(entry);
  // A graph that reads the memory it writes must not write it while it still reads.
  if (destination !== undefined && !overlapsAny(regionOf(destination), read)) return destination;
  if (!isNumeric(entry.dtype)) throw new Error(`Graphs cannot hold ${entry.dtype} tensors.`);
  return allocate(entry.dtype, sizeOf(entry.shape));
}

/** A stretch of memory. Typed arrays answer these questions too slowly to ask them in a loop. */
interface Region {
  readonly buffer: ArrayBufferLike;
  readonly start: number;
  readonly end: number;
}

function regionOf(values: Values): Region {
  const start = values.byteOffset;
  return { buffer: values.buffer, start, end: start + values.byteLength };
}

function regionsOf(entries: readonly Entry[]): Region[] {
  return entries.flatMap(({ values }) => (values === null ? [] : [regionOf(values)]));
}

function overlapsAny(region: Region, others: readonly Region[]): boolean {
  return others.some(
    ({ buffer, start, end }) =>
      buffer === region.buffer && start < region.end && region.start < end,
  );
}

/** Computes the plan kernel by kernel in JavaScript: slow, but the user's program goes on. */
function recover(plan: Plan, error: unknown): void {
  try {
    interpret(plan);
  } catch (failure) {
    for (const { entry } of plan.outputs) entry.failure = failure;
    throw failure;
  }
  notify({
    kind: 'uncompiled',
    subject: messageOf(error),
    message: `ONNX Runtime could not run a graph of ${plan.nodes.length} kernels, which ran in JavaScript instead: ${messageOf(error)}`,
  });
}
