import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from './errors.ts';
import { packageRoot } from './packageRoot.ts';

/** The packed runtime that goes into a project's `vendor/`. */
export interface RuntimeTarball {
  /** `lightbox-runtime-<version>-<first 8 hex digits of the content's hash>.tgz`. */
  readonly file: string;
  readonly bytes: Buffer;
  /** Of the bytes, hex. */
  readonly sha256: string;
}

const pattern = /^lightbox-runtime-.+-[0-9a-f]{8}\.tgz$/;

/**
 * Reads the tarball that belongs to this generator.
 * @throws UsageError ERR_NO_RUNTIME when it was never packed, or when there are several
 */
export function readRuntimeTarball(folder = join(packageRoot, 'vendor')): RuntimeTarball {
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => pattern.test(file)) : [];
  if (files.length !== 1) {
    const found = files.length === 0 ? 'none' : files.join(', ');
    throw new UsageError(
      'ERR_NO_RUNTIME',
      `Expected one packed runtime in ${folder}, found ${found}. ` +
        'In the repository, run "npm run build && npm run pack:runtime".',
    );
  }
  const bytes = readFileSync(join(folder, files[0]));
  return { file: files[0], bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}
