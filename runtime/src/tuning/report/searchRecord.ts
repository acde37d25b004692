import { isDeepStrictEqual } from 'node:util';
import { maskFlags } from '../../core/secrets.ts';
import type { Plain } from '../../hpo/plain.ts';
import type { Study } from '../../hpo/study.ts';
import { shellQuoted } from '../bestConfig.ts';
import { passwordless } from '../jobFile.ts';

/** System attribute of a study: the last search that ran trials of it. */
const SEARCH_ATTR = 'lightbox:search';

/** What a report says of the search, when it is written later. */
export interface SearchRecord {
  readonly sampler: string;
  readonly pruner: string;
  /** The command that goes on with the study, until its total. */
  readonly command: string;
}

/** Keeps in the study how it is searched. */
export async function noteSearch(
  study: Study,
  args: readonly string[],
  total: number,
): Promise<void> {
  const { sampler, pruner } = study;
  const command = continueCommand(maskFlags(args, []), total);
  const record = { sampler: sampler.name, pruner: pruner.name, command };
  const before = searchRecordOf((await study.record()).systemAttrs);
  if (!isDeepStrictEqual(before, record)) await study.setSystemAttr(SEARCH_ATTR, record);
}

/** Undefined for a study that another program has made. */
export function searchRecordOf(attrs: Readonly<Record<string, Plain>>): SearchRecord | undefined {
  const stored = attrs[SEARCH_ATTR] as Plain | undefined;
  return typeof stored === 'object' && stored !== null
    ? (stored as unknown as SearchRecord)
    : undefined;
}

/** `--more 5` would add five again. */
function continueCommand(args: readonly string[], total: number): string {
  const kept: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const [flag] = args[index].split('=', 1);
    if (flag === '--more') {
      if (!args[index].includes('=')) index++;
      kept.push('--n-trials', String(total));
    } else kept.push(passwordless(args[index]));
  }
  return ['npm', 'run', 'hpo', '--', ...kept].map(shellQuoted).join(' ');
}
