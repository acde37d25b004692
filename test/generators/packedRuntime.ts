import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../generators/common/packageRoot.ts';
import { packRuntime } from '../../scripts/packRuntime.ts';

/** Makes sure that the command under test has a runtime to deliver; any built one will do. */
export function ensurePackedRuntime(): void {
  const vendor = join(packageRoot, 'vendor');
  const packed = existsSync(vendor) && readdirSync(vendor).some((file) => file.endsWith('.tgz'));
  if (!packed) packRuntime();
}
