import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { verdict, type Report } from '../report.ts';
import type { SuiteOptions } from '../suite.ts';

/** Rows a second and resident growth over one epoch of a parquet file of 3 million rows. */
export async function measureParquet(report: Report, _: SuiteOptions): Promise<void> {
  const script = fileURLToPath(new URL('parquetWindows.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script]);
  const { rows, growthMb, rowsPerSecond } = JSON.parse(stdout) as {
    rows: number;
    growthMb: number;
    rowsPerSecond: number;
  };
  report.measure('parquet', `${rows} rows`, 'rows/s', [rowsPerSecond]);
  report.measure('parquet', 'growth', 'MB', [growthMb]);
  report.note(`growth ${Math.round(growthMb)} MB, target below 300: ${verdict(growthMb < 300)}`, {
    case: 'parquet',
  });
}
