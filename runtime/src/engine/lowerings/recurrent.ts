import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import { scan } from '../onnx/scan.ts';
import { Value } from '../onnx/value.ts';
import { lower } from './lowering.ts';
import type { Inputs, Lowering } from './lowering.ts';
import { CELLS } from './recurrentCells.ts';
import type { CellName } from './recurrentCells.ts';
import { slice } from './shape.ts';

/** Attributes of the kernels `Recurrence` and `RecurrenceGrad`. */
export interface RecurrenceAttrs {
  readonly cell: CellName;
  /** Whether the sequence is gone through from its end. */
  readonly reverse: boolean;
  /** Whether the output of every step is wanted: [batch, time, units]; else [batch, units]. */
  readonly sequence: boolean;
  /** Whether the last cell state follows the outputs as one more step: then rank is always 3. */
  readonly withCell: boolean;
  /** Whether what the gradient needs is kept. */
  readonly training: boolean;
}

const INPUTS = ['x', 'kernel', 'recurrent', 'bias', 'h', 'c'];

/**
 * Recurrent networks as a whole: the products with the inputs in one go, then one step after the
 * other. The gradient adds the forward nodes once more, which the graph recognises, so that
 * nothing has to be handed over; in another graph they run again.
 */
export const RECURRENCES: Lowering[] = [
  lower<RecurrenceAttrs>({
    kernel: 'Recurrence',
    inputs: INPUTS,
    infer([x, , recurrent], { sequence, withCell }) {
      const [batch, time] = x.shape;
      const units = recurrent.shape[0];
      const rows = (sequence ? time : 1) + Number(withCell);
      const shape = sequence || withCell ? [batch, rows, units] : [batch, units];
      return [{ shape, dtype: 'float32' }];
    },
    emit(graph, inputs, attrs) {
      const { states, outputs } = forward(graph, inputs, attrs);
      const [h, c] = states;
      if (!attrs.sequence && !attrs.withCell) return [h];
      const steps = [outputs ?? asStep(graph, h), ...(attrs.withCell ? [asStep(graph, c)] : [])];
      return [graph.transpose(concat(graph, steps, 0), BATCH_FIRST)];
    },
  }),
  lower<RecurrenceAttrs>({
    kernel: 'RecurrenceGrad',
    inputs: [...INPUTS, 'dy'],
    infer: (inputs) => inputs.slice(0, -1).map(({ shape }) => ({ shape, dtype: 'float32' })),
    emit: backward,
  }),
];

const BATCH_FIRST = [1, 0, 2];

interface Forward {
  /** The input as rows [time * batch, features]. */
  readonly rows: Value;
  readonly states: readonly Value[];
  /** [time, batch, units] in the order of the steps. */
  readonly outputs: Value | undefined;
  /** In the order of time, for the gradient. */
  readonly factors: readonly Value[];
  readonly operands: readonly Value[];
}

function forward(graph: GraphBuilder, inputs: Inputs, attrs: RecurrenceAttrs): Forward {
  const [x, kernel, recurrent, bias] = inputs;
  const cell = CELLS[attrs.cell];
  const [batch, time, features] = x.shape;
  const units = recurrent.shape[0];
  const rows = graph.reshape(graph.transpose(x, BATCH_FIRST), [time * batch, features]);
  const single = cell.groups.flatMap((gates) => Array<number>(gates).fill(1));
  const biases = isGiven(bias) ? split(graph, bias, 0, single, units) : [];
  const gates = split(graph, kernel, 1, single, units).map((part, gate) => {
    const operands = [rows, part, ...biases.slice(gate, gate + 1)];
    return graph.reshape(graph.op('Gemm', operands, [time * batch, units]), [time, batch, units]);
  });
  const kernels = names(graph, split(graph, recurrent, 1, single, units));
  const one = graph.rows(graph.scalar(1));
  const { reverse, sequence, training } = attrs;
  const { states, sequences } = scan(
    graph,
    initialStates(graph, inputs, cell.stateCount, [batch, units]),
    gates.map((value) => ({ value, reverse })),
    (op, before, elements) => {
      const step = cell.forward(op, kernels, elements, before, one);
      const kept = training ? [...step.factors(), ...step.operands()] : [];
      const shape = [batch, units];
      return {
        states: step.states,
        sequences: [
          ...(sequence ? [{ name: step.states[0], shape, reverse: false }] : []),
          ...kept.map((name) => ({ name, shape, reverse })),
        ],
      };
    },
  );
  const kept = sequences.slice(Number(sequence));
  return {
    rows,
    states,
    outputs: sequence ? sequences[0] : undefined,
    factors: kept.slice(0, cell.factorCount),
    operands: kept.slice(cell.factorCount),
  };
}

function backward(graph: GraphBuilder, inputs: Inputs, attrs: RecurrenceAttrs): Value[] {
  const [x, kernel, recurrent, bias, h, c] = inputs;
  const { rows, factors, operands } = forward(graph, inputs, attrs);
  const { groups } = CELLS[attrs.cell];
  const units = recurrent.shape[0];
  const { states, gates } = backwardSteps(graph, inputs, attrs, factors);
  const flat = gates.map((value) => graph.reshape(value, [rows.shape[0], value.shape[2]]));
  const joined = (parts: Value[]) => concat(graph, parts, 1);
  const products = (left: readonly Value[]) =>
    joined(flat.map((value, group) => transposedProduct(graph, left[group], value)));
  let dx: Value | undefined;
  for (const [group, part] of split(graph, kernel, 1, groups, units).entries()) {
    const summands = [flat[group], part, ...(dx === undefined ? [] : [dx])];
    dx = graph.op('Gemm', summands, rows.shape, { transB: 1 });
  }
  if (dx === undefined) throw new Error(`The network ${attrs.cell} has no gates.`);
  const [batch, time, features] = x.shape;
  const inTime = graph.reshape(dx, [time, batch, features]);
  // Sums as products with ones: ONNX Runtime adds up tall columns slowly.
  const ones = graph.filled([1, rows.shape[0]], 1);
  const sums = flat.map((value) => graph.op('Gemm', [ones, value], [1, value.shape[1]]));
  return [
    graph.transpose(inTime, BATCH_FIRST),
    products(flat.map(() => rows)),
    products(operands.map((operand) => graph.reshape(operand, [rows.shape[0], units]))),
    ...(isGiven(bias) ? [graph.reshape(joined(sums), bias.shape)] : []),
    ...(isGiven(h) ? [states[0]] : []),
    ...(isGiven(c) ? [states[1]] : []),
  ];
}

/** Goes through the steps from the last one; the gates' gradients are in the order of time. */
function backwardSteps(
  graph: GraphBuilder,
  inputs: Inputs,
  { cell: name, reverse, sequence, withCell }: RecurrenceAttrs,
  factors: readonly Value[],
): { states: readonly Value[]; gates: readonly Value[] } {
  const [x, , recurrent] = inputs;
  const dy = inputs[inputs.length - 1];
  const cell = CELLS[name];
  const [batch, time] = x.shape;
  const units = recurrent.shape[0];
  const zero = graph.filled([batch, units], 0);
  const steps = dy.rank === 3 ? graph.transpose(dy, BATCH_FIRST) : asStep(graph, dy);
  const last = graph.reshape(sliceSteps(graph, steps, steps.shape[0] - 1), [batch, units]);
  const dc = withCell ? last : zero;
  const dh = sequence ? zero : graph.reshape(sliceSteps(graph, steps, 0), [batch, units]);
  const dys = sequence ? [{ value: sliceSteps(graph, steps, 0, time), reverse: true }] : [];
  const kernels = names(graph, split(graph, recurrent, 1, cell.groups, units));
  const { states, sequences } = scan(
    graph,
    cell.stateCount === 2 ? [dh, dc] : [dh],
    [...factors.map((value) => ({ value, reverse: !reverse })), ...dys],
    (op, [later, ...others], elements) => {
      const here = sequence ? op('Add', [later, elements[cell.factorCount]]) : later;
      const step = cell.backward(op, kernels, [here, ...others], elements);
      const outputs = step.gates.map((gate, group) => ({
        name: gate,
        shape: [batch, cell.groups[group] * units],
        reverse: !reverse,
      }));
      return { states: step.states, sequences: outputs };
    },
  );
  return { states, gates: sequences };
}

function initialStates(
  graph: GraphBuilder,
  inputs: Inputs,
  count: number,
  shape: readonly number[],
): Value[] {
  const given = [inputs.at(4), inputs.at(5)].slice(0, count);
  return given.map((state) => (isGiven(state) ? state : graph.filled(shape, 0)));
}

function isGiven(value: Value | undefined): value is Value {
  return value !== undefined;
}

function asStep(graph: GraphBuilder, state: Value): Value {
  return graph.reshape(state, [1, ...state.shape]);
}

function sliceSteps(graph: GraphBuilder, steps: Value, begin: number, end = begin + 1): Value {
  const { shape } = steps;
  if (begin === 0 && end === shape[0]) return steps;
  const starts = [begin, 0, 0];
  return slice(graph, steps, starts, shape.with(0, end), [1, 1, 1], shape.with(0, end - begin));
}

/** Parts of `counts[k] * units` elements along an axis. */
function split(
  graph: GraphBuilder,
  value: Value,
  axis: number,
  counts: readonly number[],
  units: number,
): Value[] {
  if (counts.length === 1) return [value];
  const sizes = counts.map((count) => count * units);
  const parts = graph.raw(
    'Split',
    [graph.rows(value), graph.ints(sizes)],
    { axis },
    { outputs: counts.length },
  );
  return parts.map(
    (rows, part) => new Value('float32', value.shape.with(axis, sizes[part]), { rows }),
  );
}

function concat(graph: GraphBuilder, parts: readonly Value[], axis: number): Value {
  if (parts.length === 1) return parts[0];
  const size = parts.reduce((sum, { shape }) => sum + shape[axis], 0);
  return graph.op('Concat', parts, parts[0].shape.with(axis, size), { axis });
}

function transposedProduct(graph: GraphBuilder, a: Value, b: Value): Value {
  return graph.op('Gemm', [a, b], [a.shape[1], b.shape[1]], { transA: 1 });
}

function names(graph: GraphBuilder, values: readonly Value[]): string[] {
  return values.map((value) => graph.rows(value));
}
