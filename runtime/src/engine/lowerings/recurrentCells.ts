import type { BodyOp } from '../onnx/scan.ts';

/** The recurrent networks that there is a fused form for. */
export type CellName = 'lstm' | 'gru' | 'simple';

type Names = readonly string[];

/** One step of a network; every name is a [batch, units] value unless said otherwise. */
interface ForwardStep {
  /** The next states, the output first. */
  readonly states: Names;
  /** What the gradient's step takes; products of values at hand, so that it needs few. */
  factors(): Names;
  /** What each group of gates multiplied with its part of the recurrent kernel. */
  operands(): Names;
}

interface BackwardStep {
  /** Gradients of the states before the step. */
  readonly states: Names;
  /** Gradients of the gates before their activation, by group: [batch, gates * units]. */
  readonly gates: Names;
}

/** The equations of a recurrent network. */
interface Cell {
  /** How many gates are multiplied together with the recurrent kernel, in tfjs's order. */
  readonly groups: readonly number[];
  readonly stateCount: 1 | 2;
  readonly factorCount: number;
  /**
   * @param recurrent recurrent kernels, one per gate, [units, units]
   * @param inputs input part of the gates with their bias, one per gate
   * @param one the number 1
   */
  forward(op: BodyOp, recurrent: Names, inputs: Names, states: Names, one: string): ForwardStep;
  /** @param recurrent recurrent kernels, one per group, [units, gates * units] */
  backward(op: BodyOp, recurrent: Names, states: Names, factors: Names): BackwardStep;
}

const lstm: Cell = {
  groups: [4],
  stateCount: 2,
  factorCount: 6,
  forward(op, recurrent, inputs, [h, c]) {
    const [i, f, g, o] = inputs.map((input, gate) =>
      activate(op, [h, recurrent[gate], input], gate === 2 ? 'Tanh' : 'Sigmoid'),
    );
    const fresh = op('Mul', [i, g]);
    const old = op('Mul', [f, c]);
    const cell = op('Add', [old, fresh]);
    const squashed = op('Tanh', [cell]);
    const output = op('Mul', [o, squashed]);
    return {
      states: [output, cell],
      factors: () => [
        less(op, fresh, fresh, i),
        less(op, old, old, f),
        less(op, i, fresh, g),
        less(op, output, output, o),
        less(op, o, output, squashed),
        f,
      ],
      operands: () => [h],
    };
  },
  backward(op, [recurrent], [dh, dc], [toI, toF, toG, toO, toCell, forget]) {
    const cell = op('Add', [dc, op('Mul', [dh, toCell])]);
    const gates = [toI, toF, toG].map((factor) => op('Mul', [cell, factor]));
    const all = op('Concat', [...gates, op('Mul', [dh, toO])], { axis: 1 });
    const before = op('Gemm', [all, recurrent], { transB: 1 });
    return { states: [before, op('Mul', [cell, forget])], gates: [all] };
  },
};

/** The reset gate is applied before the product, as in tfjs-layers. */
const gru: Cell = {
  groups: [2, 1],
  stateCount: 1,
  factorCount: 5,
  forward(op, [forZ, forR, forG], [xz, xr, xg], [h], one) {
    const z = activate(op, [h, forZ, xz], 'Sigmoid');
    const r = activate(op, [h, forR, xr], 'Sigmoid');
    const reset = op('Mul', [r, h]);
    const g = activate(op, [reset, forG, xg], 'Tanh');
    const kept = op('Mul', [z, op('Sub', [h, g])]);
    const factors = () => {
      const fresh = op('Sub', [one, z]);
      const toG = less(op, fresh, op('Mul', [fresh, g]), g);
      return [less(op, kept, kept, z), less(op, reset, reset, r), toG, z, r];
    };
    return { states: [op('Add', [g, kept])], factors, operands: () => [h, reset] };
  },
  backward(op, [forZR, forG], [dh], [toZ, toR, toG, z, r]) {
    const g = op('Mul', [dh, toG]);
    const reset = op('Gemm', [g, forG], { transB: 1 });
    const gates = op('Concat', [op('Mul', [dh, toZ]), op('Mul', [reset, toR])], { axis: 1 });
    const direct = op('Add', [op('Mul', [dh, z]), op('Mul', [reset, r])]);
    const before = op('Gemm', [gates, forZR, direct], { transB: 1 });
    return { states: [before], gates: [gates, g] };
  },
};

const simple: Cell = {
  groups: [1],
  stateCount: 1,
  factorCount: 1,
  forward(op, [recurrent], [input], [h], one) {
    const output = activate(op, [h, recurrent, input], 'Tanh');
    return {
      states: [output],
      factors: () => [less(op, one, output, output)],
      operands: () => [h],
    };
  },
  backward(op, [recurrent], [dh], [factor]) {
    const gate = op('Mul', [dh, factor]);
    return { states: [op('Gemm', [gate, recurrent], { transB: 1 })], gates: [gate] };
  },
};

export const CELLS: Readonly<Record<CellName, Cell>> = { lstm, gru, simple };

/** A product per gate, so that ONNX Runtime fuses the activation into it. */
function activate(op: BodyOp, operands: Names, activation: 'Sigmoid' | 'Tanh'): string {
  return op(activation, [op('Gemm', operands)]);
}

/** a - b * c */
function less(op: BodyOp, a: string, b: string, c: string): string {
  return op('Sub', [a, op('Mul', [b, c])]);
}
