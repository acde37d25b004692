import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { sanitizeFileName } from '../core/fileNames.ts';
import type { Signals, Terminal } from '../core/ports.ts';
import { UsageError } from '../errors.ts';
import { freezeDeeply, type Plain } from '../hpo/plain.ts';
import { createPruner, createSampler } from '../hpo/registry.ts';
import type { SearchSpace } from '../hpo/searchSpace.ts';
import { JournalStorage } from '../hpo/storages/journalStorage.ts';
import { Study } from '../hpo/study.ts';
import { directionOf, type HpoConfig } from '../hpo/hpoConfig.ts';
import { hpoHelp, parseHpoFlags } from './hpoFlags.ts';
import { Search } from './search.ts';
import { checkSpace, spaceOf } from './spaceCheck.ts';
import { StudyLease } from './studyLease.ts';
import type { TrainingSide } from './trainingSide.ts';
import type { WorkerCommand } from './trialProcess.ts';

/** What a project's `scripts/hpo.ts` hands over. */
export interface HpoOptions {
  /** A function, or plain data as in YAML. Default: the configuration's `hpo.search_space`. */
  readonly searchSpace?: SearchSpace | Readonly<Record<string, Plain>>;
  readonly config: HpoConfig;
  /** Configuration files when the command line names none. */
  readonly configFiles: readonly string[];
}

/** What the search needs of the process it runs in. */
export interface HpoHost {
  readonly args: readonly string[];
  readonly terminal: Terminal;
  readonly signals: Signals;
  readonly cores: number;
  /** How to start this same program as a worker. */
  readonly worker: WorkerCommand;
  readonly side: TrainingSide;
}

/**
 * `npm run hpo`: opens or continues the study, runs trials until its total, writes `best.yaml`
 * and `report.md`.
 * @returns the exit code: 0 when all trials are finished (or none was left to do), 130 when it was
 *   stopped, 3 when the time was over before
 */
export async function runSearch(options: HpoOptions, host: HpoHost): Promise<number> {
  const flags = parseHpoFlags(host.args);
  if (flags.help) {
    for (const line of hpoHelp()) host.terminal.line(line);
    return 0;
  }
  const sampler = createSampler(flags.sampler);
  const pruner = createPruner(flags.pruner, options.config.pruner);
  const configFiles = flags.configFiles.length > 0 ? flags.configFiles : options.configFiles;
  const base = freezeDeeply(await host.side.baseConfig(configFiles, flags.overrides));
  const space = spaceOf(options.searchSpace, base, configFiles);
  await checkSpace(space, options.config, base, (patch) =>
    host.side.checkPatch(configFiles, flags.overrides, patch),
  );
  const name = flags.studyName ?? options.config.studyName ?? 'study';
  const folder = join('runs', 'hpo', sanitizeFileName(name));
  const storagePath = flags.storage ?? join(folder, 'study.journal');
  refuseAddress(storagePath);
  mkdirSync(folder, { recursive: true });
  const storage = new JournalStorage(storagePath);
  const lease = await waitForLease(storagePath, name, host);
  if (lease === undefined) return 130;
  try {
    const study = await Study.create({
      name,
      storage,
      directions: [directionOf(options.config.mode)],
      sampler,
      pruner,
      seed: flags.seed ?? undefined,
      loadIfExists: true,
    });
    return await new Search({
      options,
      host,
      flags,
      study,
      base,
      space,
      folder,
      configFiles,
    }).run();
  } finally {
    lease.release();
    await storage.close();
  }
}

function refuseAddress(storage: string): void {
  if (!/^[a-z][a-z0-9+]+:\/\//i.test(storage)) return;
  const message = `--storage ${storage}: databases are not available in this version; give the path of a journal file`;
  throw new UsageError('ERR_HPO_STORAGE', message);
}

/** Waits while another process coordinates the study; undefined when asked to stop. */
async function waitForLease(
  journal: string,
  study: string,
  host: HpoHost,
): Promise<StudyLease | undefined> {
  let stopped = false;
  const stop = (): void => {
    stopped = true;
  };
  const offs = (['SIGINT', 'SIGTERM'] as const).map((name) => host.signals.on(name, stop));
  try {
    for (let round = 0; ; round++) {
      const lease = await StudyLease.take(journal, study);
      if (lease instanceof StudyLease) return lease;
      if (round === 0) {
        host.terminal.line(
          `Study "${study}" is being run by process ${lease.pid} on ${lease.host}; waiting for it. Ctrl-C gives up.`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
      if (stopped) return undefined;
    }
  } finally {
    for (const off of offs) off();
  }
}
