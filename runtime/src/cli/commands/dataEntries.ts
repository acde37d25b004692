import { byteSizeText } from '../../data/cache/byteSize.ts';
import { cacheFolder } from '../../data/cache/cacheFolder.ts';
import { cacheLimit, CacheStore, type CacheEntry } from '../../data/cache/cacheStore.ts';
import { EntryReader } from '../../data/cache/entryReader.ts';
import { UsageError } from '../../errors.ts';
import type { Host } from '../host.ts';
import type { CommandContext } from './command.ts';

/** Prints what is in the cache, the longest unused last. */
export function listEntries({ host, args }: CommandContext): number {
  const store = openStore(host);
  const entries = sorted(store);
  const total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  if (args.options.has('json')) {
    const shown = {
      folder: store.root,
      from: store.from,
      bytes: total,
      limit: limitText(host.env),
    };
    host.print(JSON.stringify({ ...shown, entries: entries.map(plainEntry) }, null, 2));
    return 0;
  }
  for (const entry of entries) host.print(entryLine(entry));
  host.print(
    `${String(entries.length)} entries, ${byteSizeText(total)} of ${limitText(host.env)} in ${store.root} (from ${store.from})`,
  );
  return 0;
}

/** Reads every block. @returns 1 when one is damaged */
export function verifyEntries({ host, args }: CommandContext): number {
  const store = openStore(host);
  const repair = args.options.has('repair');
  let damaged = 0;
  const entries = chosen(store, args.words.slice(2)).filter(({ busy }) => !busy);
  for (const [index, entry] of entries.entries()) {
    host.terminal.live([
      `Checking ${nameOf(entry)} (${String(index + 1)} of ${String(entries.length)})`,
    ]);
    const problems = problemsOf(entry);
    if (problems.length === 0) continue;
    damaged++;
    for (const problem of problems) host.print(`BAD   ${nameOf(entry)} ${entry.id}: ${problem}`);
    if (!repair) continue;
    store.remove(entry);
    host.print(`      removed; the next run fills it anew`);
  }
  host.terminal.live(null);
  host.print(`${String(entries.length)} entries checked, ${String(damaged)} damaged`);
  if (damaged > 0 && !repair) {
    host.print(
      'A run that reads damaged blocks makes them again from its source; --repair removes these entries now.',
    );
  }
  return damaged > 0 && !repair ? 1 : 0;
}

/** Removes entries of ours, never anything else. */
export async function clearEntries({ host, args }: CommandContext): Promise<number> {
  const store = openStore(host);
  const targets = clearTargets(store, args.words.slice(2), args.options);
  const total = targets.reduce((sum, { bytes }) => sum + bytes, 0);
  if (targets.length === 0) {
    host.print('Nothing to clear.');
    return 0;
  }
  const what = `${targets.length === 1 ? '1 entry' : `${String(targets.length)} entries`} (${byteSizeText(total)})`;
  if (!args.options.has('yes') && !(await confirmed(host, `Remove ${what} from ${store.root}?`))) {
    host.print('Nothing was removed.');
    return 1;
  }
  let kept = 0;
  for (const entry of targets) {
    if (store.remove(entry)) continue;
    kept++;
    host.print(`${nameOf(entry)} ${entry.id} is being filled by a process; not removed`);
  }
  host.print(`Removed ${String(targets.length - kept)} of ${what}`);
  return kept === 0 ? 0 : 1;
}

/** The limit of the cache as people write it. */
export function limitText(env: Host['env']): string {
  return byteSizeText(cacheLimit(env.LIGHTBOX_CACHE_LIMIT ?? null));
}

function openStore({ env }: Host): CacheStore {
  return new CacheStore(cacheFolder(null, env));
}

function sorted(store: CacheStore): CacheEntry[] {
  return store.entries().sort((a, b) => b.lastUsed.getTime() - a.lastUsed.getTime());
}

function entryLine(entry: CacheEntry): string {
  const { manifest, id, bytes, lastUsed, busy } = entry;
  const state = busy ? 'being filled' : 'unfinished';
  const about =
    manifest === undefined
      ? state
      : `${manifest.samples.toLocaleString('en-US')} samples of ${manifest.source}` +
        `${manifest.transform === null ? '' : ` + ${manifest.transform}`}, by ${manifest.project}`;
  const used = lastUsed.toISOString().slice(0, 16).replace('T', ' ');
  return `${id.slice(0, 12)}  ${nameOf(entry).padEnd(20)} ${byteSizeText(bytes).padStart(9)}  used ${used}  ${about}`;
}

function plainEntry({ manifest, id, bytes, lastUsed, busy, folder }: CacheEntry): object {
  return {
    id,
    name: manifest?.name ?? null,
    source: manifest?.source ?? null,
    transform: manifest?.transform ?? null,
    samples: manifest?.samples ?? null,
    project: manifest?.project ?? null,
    created: manifest?.created ?? null,
    bytes,
    lastUsed: lastUsed.toISOString(),
    state: manifest !== undefined ? 'ready' : busy ? 'filling' : 'unfinished',
    folder,
  };
}

function problemsOf({ folder, manifest }: CacheEntry): string[] {
  if (manifest === undefined) return [];
  const reader = EntryReader.open(folder, { warn: () => undefined });
  if (reader === undefined) return ['the table of blocks is damaged or missing'];
  const problems: string[] = [];
  for (let block = 0; block < manifest.blocks; block++) {
    if (!reader.check(block)) problems.push(`block ${String(block)} is damaged`);
  }
  reader.close();
  return problems;
}

function clearTargets(
  store: CacheStore,
  keys: readonly string[],
  options: CommandContext['args']['options'],
): CacheEntry[] {
  const age = options.get('older_than');
  const ways = [keys.length > 0, options.has('all'), age !== undefined].filter(Boolean).length;
  if (ways !== 1) {
    throw new UsageError(
      'ERR_CLI_FLAG',
      'data clear takes the entries to remove (their first digits, from data ls), or --all, or --older-than 30d.',
    );
  }
  if (age === undefined) return chosen(store, keys);
  const before = Date.now() - ageMs(String(age));
  return sorted(store).filter(({ lastUsed }) => lastUsed.getTime() < before);
}

/** Entries whose id begins with one of `keys`; all without keys. */
function chosen(store: CacheStore, keys: readonly string[]): CacheEntry[] {
  const entries = sorted(store);
  if (keys.length === 0) return entries;
  return keys.flatMap((key) => {
    const found = entries.filter(
      ({ id, manifest }) => id.startsWith(key) || manifest?.name === key,
    );
    if (found.length > 0 && key !== '') return found;
    const ids = entries.map((entry) => `${entry.id.slice(0, 12)} (${nameOf(entry)})`);
    throw new UsageError(
      'ERR_CLI_FLAG',
      `No entry of the cache begins with "${key}". There are: ${ids.join(', ') || 'none'}.`,
    );
  });
}

function ageMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(m|h|d|w)$/.exec(text);
  if (match === null) {
    throw new UsageError(
      'ERR_CLI_FLAG',
      `--older-than ${text}: expected a number and m, h, d or w (minutes to weeks), such as 30d.`,
    );
  }
  return (
    Number(match[1]) * { m: 6e4, h: 36e5, d: 864e5, w: 6048e5 }[match[2] as 'm' | 'h' | 'd' | 'w']
  );
}

/** Asks on a terminal; elsewhere nobody can answer. */
async function confirmed({ terminal }: Host, question: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const stop = terminal.onKey?.((key) => {
      stop?.();
      clearInterval(waiting);
      resolve(key === 'y' || key === 'Y');
    });
    // Keys alone do not keep a process alive.
    const waiting = setInterval(() => undefined, 1000);
    if (terminal.isTTY && typeof stop === 'function') {
      terminal.line(`${question} [y/N]`);
      return;
    }
    clearInterval(waiting);
    reject(new UsageError('ERR_CLI_FLAG', `${question} Nobody can be asked here: add --yes.`));
  });
}

function nameOf({ manifest }: CacheEntry): string {
  return manifest?.name ?? '(unfinished)';
}
