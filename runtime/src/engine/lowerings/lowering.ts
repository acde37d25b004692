import type { GraphBuilder } from '../onnx/graphBuilder.ts';
import type { Value } from '../onnx/value.ts';

export type NumericType = 'float32' | 'int32' | 'bool';

/** Whether graphs can hold tensors of this type; strings and complex numbers they cannot. */
export function isNumeric(dtype: string): dtype is NumericType {
  return dtype === 'float32' || dtype === 'int32' || dtype === 'bool';
}

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

/** How one tfjs kernel with attributes `A` becomes ONNX nodes. */
export interface Lowering<A extends object = object> {
  /** tfjs's kernel name. */
  readonly kernel: string;
  /** Input names in the order in which `infer` and `emit` get them; `list` for kernels on arrays. */
  readonly inputs: readonly string[] | 'list';
  /** True for kernels whose result is a list even when it has one element. */
  readonly many?: boolean;
  /** The outputs, or null when this call must run on the `cpu` back end's code. */
  infer(inputs: Operands, attrs: A): OutputSpec[] | null;
  /** Adds the nodes; returns one value per output. */
  emit(graph: GraphBuilder, inputs: Inputs, attrs: A, outputs: readonly OutputSpec[]): Value[];
}

/** Optional inputs are absent at run time: lowerings of kernels that have them must look. */
export type Operands = readonly Operand[];
export type Inputs = readonly Value[];

/** Gives the functions of a lowering the attribute types of its kernel. */
export function lower<A extends object>(lowering: Lowering<A>): Lowering {
  return lowering;
}
