import type { Report } from '../report.ts';
import { nodePeer } from './contestants.ts';
import { batchPool } from './workload.ts';

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

const shapes = Array.from({ length: 50 }, (_, index) => 64 + index);

/**
 * Resident memory after 10,000 steps of 50 batch sizes, minus that after the first 50, and the
 * threads of the process: both bounded by the session cache.
 */
export async function measureShapes(report: Report): Promise<void> {
  for (const subject of ['ort-default', 'ort-dynamic']) await measureShapesOf(report, subject);
}

async function measureShapesOf(report: Report, subject: string): Promise<void> {
  const { peer } = nodePeer(subject, 1);
  try {
    await peer.ask({ do: 'prepare', case: 'mlp', batchSizes: shapes });
    // A batch size has several batches.
    const first = await peer.ask({ do: 'run', steps: shapes.length * batchPool });
    const last = await peer.ask({ do: 'run', steps: 10_000 });
    const figures: Record<string, number[]> = {
      'MB after 10000 steps': [last.rssMb ?? NaN],
      'MB gained since each shape was seen': [(last.rssMb ?? NaN) - (first.rssMb ?? NaN)],
      threads: [last.threads ?? NaN],
    };
    for (const [unit, values] of Object.entries(figures)) {
      report.measure('50-shapes', subject, unit, values);
    }
  } finally {
    peer.close();
  }
}

/** What two sessions in turn (two models, as in a GAN) cost beside each alone. */
export async function measureTurns(report: Report): Promise<void> {
  for (const subject of ['ort-default', 'ort-replay']) {
    const { peer } = nodePeer(subject, 1);
    try {
      const { ms } = await peer.ask({ do: 'turns', case: 'mlp', steps: 60 });
      const pick = (odd: number) => ms.filter((_, index) => index % 2 === odd);
      report.measure('mlp-pair', `${subject} alone`, 'ms both', pick(0));
      report.measure('mlp-pair', `${subject} in turn`, 'ms both', pick(1));
    } finally {
      peer.close();
    }
    report.compare('mlp-pair', `${subject} in turn`, `${subject} alone`);
  }
}
