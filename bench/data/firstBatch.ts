import type { Report } from '../report.ts';
import type { SuiteOptions } from '../suite.ts';
import { openPipeline, takeBatches } from './pipelines.ts';

const positions = [0, 1e3, 1e9];

/** Time from nothing to the first batch, when a run starts at a position. */
export async function measureFirstBatch(
  report: Report,
  { rounds = 7 }: SuiteOptions,
): Promise<void> {
  const samples = positions.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, t] of positions.entries()) {
      const start = performance.now();
      await takeBatches(openPipeline('fused'), t, 1);
      samples[index].push(performance.now() - start);
    }
  }
  positions.forEach((t, index) => {
    report.measure('first-batch', `t=${t}`, 'ms', samples[index]);
  });
  report.compare('first-batch', `t=1000000000`, 't=0');
}
