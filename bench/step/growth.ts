import type { Report } from '../report.ts';
import { nodePeer } from './contestants.ts';

const measuredSteps = 1000;

/**
 * What 1,000 steps of changing batch sizes leave behind: tensors and resident memory at the end
 * minus those after 200 warm-up steps. Both should be about zero.
 */
export async function measureGrowth(report: Report): Promise<void> {
  const { peer, subject } = nodePeer('ort-default', 1);
  try {
    await peer.ask({ do: 'prepare', case: 'mlp', batchSizes: [128, 96, 64] });
    const before = await peer.ask({ do: 'run', steps: 200, collectGarbage: true });
    const after = await peer.ask({ do: 'run', steps: measuredSteps, collectGarbage: true });
    const difference = (a = NaN, b = NaN): number[] => [b - a];
    report.measure(
      'growth-tensors',
      subject,
      'tensors in 1000 steps',
      difference(before.tensors, after.tensors),
    );
    report.measure(
      'growth-memory',
      subject,
      'MB in 1000 steps',
      difference(before.rssMb, after.rssMb),
    );
  } finally {
    peer.close();
  }
}
