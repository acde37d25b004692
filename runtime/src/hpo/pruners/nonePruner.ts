import type { PruneDecision, Pruner } from './pruner.ts';

/** Lets every trial run to its end. */
export class NonePruner implements Pruner {
  readonly name = 'none';

  decide(): PruneDecision {
    return { prune: false, reason: 'nothing is pruned' };
  }
}
