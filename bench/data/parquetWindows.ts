import { DataLoader } from '../../runtime/dist/data/dataLoader.js';
import { ParquetDataset } from '../../runtime/dist/data/datasets/parquetDataset.js';

// A program of its own, so that nothing else is in its memory: one epoch over all rows, shuffled
// in windows. Prints one line of JSON.
const resident = (): number => process.memoryUsage().rss / 2 ** 20;
const before = resident();
const dataset = new ParquetDataset({ path: 'package:vega-datasets/data/flights-3m.parquet' });
const loader = new DataLoader({ dataset, batchSize: 1024, seed: 1 });
const start = performance.now();
let peak = before;
let rows = 0;
for await (const batch of loader.iterate(0)) {
  rows += batch.size;
  peak = Math.max(peak, resident());
}
const seconds = (performance.now() - start) / 1000;
console.log(JSON.stringify({ rows, growthMb: peak - before, rowsPerSecond: rows / seconds }));
