import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..');
const vendor = join(root, 'vendor');

/**
 * Packs the built runtime into vendor/lightbox-runtime-<version>-<hash>.tgz and removes older ones.
 * The hash is that of the packed files, so equal content always has the same name: npm trusts names,
 * and would go on using an old tarball whose content changed.
 * @returns absolute path of the tarball
 */
export function packRuntime(): string {
  mkdirSync(vendor, { recursive: true });
  const staging = mkdtempSync(join(vendor, '.pack-'));
  try {
    const { filename, version, files } = npmPack(staging);
    const target = `lightbox-runtime-${version}-${contentHash(files)}.tgz`;
    for (const old of readdirSync(vendor)) {
      if (old.endsWith('.tgz') && old !== target) rmSync(join(vendor, old));
    }
    renameSync(join(staging, filename), join(vendor, target));
    return join(vendor, target);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

interface Packed {
  readonly filename: string;
  readonly version: string;
  readonly files: readonly { readonly path: string }[];
}

function npmPack(destination: string): Packed {
  const flags = ['--json', '--ignore-scripts', '--pack-destination', destination];
  const { status, stdout, stderr } = spawnSync('npm', ['pack', './runtime', ...flags], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`npm pack failed:\n${stderr}`);
  const packed = (JSON.parse(stdout) as Packed[])[0];
  if (!packed.files.some(({ path }) => path === 'dist/index.js')) {
    throw new Error('runtime/dist/index.js is missing: run "npm run build" first.');
  }
  return packed;
}

function contentHash(files: Packed['files']): string {
  const hash = createHash('sha256');
  const paths = files.map(({ path }) => path).sort();
  for (const path of paths) {
    const bytes = readFileSync(join(root, 'runtime', path));
    hash.update(`${path}\n${String(bytes.length)}\n`).update(bytes);
  }
  return hash.digest('hex').slice(0, 8);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) console.log(packRuntime());
