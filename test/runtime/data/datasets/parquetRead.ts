/** Reads a parquet file of 3,000,000 rows in shuffled order and prints how much memory that took. */
import { DataLoader } from '../../../../runtime/src/data/dataLoader.ts';
import { ParquetDataset } from '../../../../runtime/src/data/datasets/parquetDataset.ts';

const before = process.memoryUsage().rss;
const dataset = new ParquetDataset({
  path: 'package:vega-datasets/data/flights-3m.parquet',
  columns: ['delay'],
});
const loader = new DataLoader({ dataset, batchSize: 1000, seed: 1 });
let rows = 0;
let sum = 0;
for await (const { data, size } of loader.iterate(0)) {
  rows += size;
  const { delay } = data as unknown as { delay: { data: Int32Array } };
  for (const value of delay.data) sum += value;
}
// The most that was ever resident, not what is left at the end.
const peak = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ rows, sum, grownMb: Math.round((peak - before) / 2 ** 20) }));
