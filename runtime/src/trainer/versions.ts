import { version } from 'node:process';
import { readFileSync } from 'node:fs';

let cached: Record<string, string> | undefined;

/** Versions that a checkpoint records, by package. */
export function packageVersions(): Record<string, string> {
  cached ??= { node: version.slice(1), 'lightbox-runtime': ownVersion() };
  return cached;
}

function ownVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return String((JSON.parse(readFileSync(file, 'utf8')) as { version: unknown }).version);
}
