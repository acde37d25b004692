import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';

export type NumericType = 'float32' | 'int32' | 'bool';

/** What is known of an input when a kernel is recorded. */
export interface Operand {
  readonly shape: number[];
  readonly dtype: NumericType;
  /** Its storage: `values` is null while they are still to be computed. */
  readonly entry: { readonly values: ArrayLike<number> | null };
}

/** Shape and type of one output, decided when the kernel is recorded. */
export interface OutputSpec {
  readonly shape: number[];
  readonly dtype: NumericType;
}

/** How one tfjs kernel becomes ONNX nodes. */
export interface Lowering {
  /** tfjs's kernel name. */
  readonly kernel: string;
  /** Input names in the order in which `infer` and `emit` get them; `list` for kernels on arrays. */
  readonly inputs: readonly string[] | 'list';
  /** True for kernels whose result is a list even when it has one element. */
  readonly many?: boolean;
  /** The outputs, or null when this call must run on the `cpu` back end's code. */
  infer(inputs: Operands, attrs: Attrs): OutputSpec[] | null;
  /** Adds the nodes; returns one value per output. */
  emit(graph: GraphBuilder, inputs: Inputs, attrs: Attrs, outputs: readonly OutputSpec[]): Value[];
}

// Kernel attributes are untyped in tfjs's registry; each lowering knows those of its kernel, and
// optional inputs are absent at run time only where it says so.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Attrs = any;
export type Operands = readonly Operand[];
export type Inputs = readonly Value[];
