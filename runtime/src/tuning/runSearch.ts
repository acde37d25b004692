import type { Signals, Terminal } from '../core/ports.ts';
import type { Distribution } from '../hpo/distribution.ts';
import { freezeDeeply, type Plain } from '../hpo/plain.ts';
import { prunerOf, samplerOf } from '../hpo/registry.ts';
import type { SearchSpace } from '../hpo/searchSpace.ts';
import { Study } from '../hpo/study.ts';
import { directionOf, type HpoConfig } from '../hpo/hpoConfig.ts';
import { hpoHelp, type HpoFlags, parseHpoFlags } from './hpoFlags.ts';
import { renderJob } from './jobFile.ts';
import { reportCommand } from './reportCommand.ts';
import { Search } from './search.ts';
import { checkSpace, spaceOf } from './spaceCheck.ts';
import { spaceChanges } from './spaceChanges.ts';
import { asBefore, compareSettings, settingsOf } from './studySettings.ts';
import { openStudy, placeOf } from './studyStorage.ts';
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
 * and the report. With `--report` or `--export` it writes only these.
 * @returns the exit code: 0 when all trials are finished (or none was left to do), 130 when it was
 *   stopped, 3 when the time was over before, 1 when all trials failed the same way
 */
export async function runSearch(options: HpoOptions, host: HpoHost): Promise<number> {
  const given = parseHpoFlags(host.args);
  if (given.help) {
    for (const line of hpoHelp()) host.terminal.line(line);
    return 0;
  }
  const sampler = samplerOf(given.sampler, options.config.sampler);
  const pruner = prunerOf(given.pruner, options.config.pruner);
  const place = await placeOf(given, options.config.studyName);
  if (given.report || given.exportTo !== null) return reportCommand(options, host, given, place);
  const before = asBefore(given, settingsOf(place.attrs));
  const configFiles = before.configFiles.length > 0 ? before.configFiles : options.configFiles;
  const flags = { ...before, configFiles };
  const base = freezeDeeply(await host.side.baseConfig(configFiles, flags.overrides));
  const space = spaceOf(options.searchSpace, base, configFiles);
  const distributions = await checkSpace(space, options.config, base, (patch) =>
    host.side.checkPatch(configFiles, flags.overrides, patch),
  );
  if (flags.render !== null) {
    host.terminal.line(
      renderJob({ kind: flags.render, place, hosts: flags.hosts, args: host.args }),
    );
    return 0;
  }
  const open = await openStudy(place, host);
  if (open === undefined) return 130;
  const { storage } = open;
  const { name, folder } = place;
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
    await tellChanges(study, distributions, options.config, flags, host);
    return await new Search({
      options,
      host,
      flags,
      study,
      base,
      space,
      folder,
      configFiles,
      giveUp: open.giveUp,
    }).run();
  } finally {
    await open.close();
  }
}

/** Says what differs from the study's earlier trials; what cannot be mixed is refused. */
async function tellChanges(
  study: Study,
  distributions: Readonly<Record<string, Distribution>>,
  config: HpoConfig,
  flags: HpoFlags,
  { terminal }: HpoHost,
): Promise<void> {
  const space = spaceChanges(study.name, await study.trials(), distributions);
  if (space.length > 0) terminal.line('The search space has changed:');
  for (const line of space) terminal.line(line);
  const settings = await compareSettings(study, config, flags);
  if (settings.length === 0) return;
  terminal.line('Earlier trials ran with other settings; their values may not be comparable:');
  for (const line of settings) terminal.line(line);
}
