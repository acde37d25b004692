import type { Lowering, Operand, OutputSpec } from '../lowerings/lowering.ts';
import type { Entry } from './entry.ts';

/** A use of an entry under the shape that the using kernel saw. */
export interface Use extends Operand {
  readonly entry: Entry;
}

/** One recorded kernel call, waiting for a flush. */
export class GraphNode {
  readonly lowering: Lowering;
  readonly uses: readonly (Use | null)[];
  readonly attrs: object;
  readonly specs: readonly OutputSpec[];
  readonly outputs: Entry[] = [];
  /** Position in the graph being built, valid during one flush. */
  position = -1;

  constructor(
    lowering: Lowering,
    uses: readonly (Use | null)[],
    attrs: object,
    specs: readonly OutputSpec[],
  ) {
    this.lowering = lowering;
    this.uses = uses;
    this.attrs = attrs;
    this.specs = specs;
  }
}
