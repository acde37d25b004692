import type { Entry, Values } from './entry.ts';
import { runCpuKernel } from './fallback.ts';
import type { CpuTensor } from './fallback.ts';
import type { Plan } from './plan.ts';

/** Evaluates a plan with the `cpu` back end's kernels, one by one. */
export function interpret(plan: Plan): void {
  const computed = new Map<Entry, Values>();
  const valuesOf = (entry: Entry): Values => {
    const values = computed.get(entry) ?? entry.values;
    if (values === null) throw new Error('A value that the graph needs is missing.');
    return values;
  };
  for (const node of plan.nodes) {
    const tensors = node.uses.map((use): CpuTensor | null =>
      use === null
        ? null
        : { shape: [...use.shape], dtype: use.entry.dtype, values: valuesOf(use.entry) },
    );
    const { kernel, inputs } = node.lowering;
    const named = inputs === 'list' ? tensors : byName(inputs, tensors);
    const results = [runCpuKernel(kernel, named, node.attrs)].flat();
    for (const [index, entry] of node.outputs.entries()) {
      computed.set(entry, results[index].values as Values);
    }
  }
  for (const { entry } of plan.outputs) entry.values = valuesOf(entry);
}

function byName(
  names: readonly string[],
  tensors: readonly (CpuTensor | null)[],
): Record<string, CpuTensor | null> {
  return Object.fromEntries(names.map((name, index) => [name, tensors[index]]));
}
