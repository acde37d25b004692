import { PercentilePruner, type PercentilePrunerOptions } from './percentilePruner.ts';

/** Prunes a trial whose best report is worse than the median of the complete trials' reports. */
export class MedianPruner extends PercentilePruner {
  override readonly name = 'median';

  constructor(options: PercentilePrunerOptions = {}) {
    super(50, options, 'median');
  }
}
