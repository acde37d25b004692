import type { Report } from '../report.ts';
import type { SuiteOptions } from '../suite.ts';
import { openPipeline, takeBatches } from './pipelines.ts';

const epochs = 20;
const settled = 3;

/** Resident memory after each of 20 epochs with 2 loader threads, once it has settled. */
export async function measureMemory(report: Report, _: SuiteOptions): Promise<void> {
  const loader = openPipeline('ring-2-workers');
  const resident: number[] = [];
  let t = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    t = await takeBatches(loader, t, loader.batchesPerEpoch);
    resident.push(process.memoryUsage().rss / 2 ** 20);
  }
  await loader.dispose();
  report.measure('memory', `epochs ${settled + 1}..${epochs}`, 'MB', resident.slice(settled));
  report.measure('memory', 'growth', 'MB', [resident[epochs - 1] - resident[settled]]);
}
