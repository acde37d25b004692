import { join } from 'node:path';
import { writeFileAtomic } from '../core/atomicFile.ts';
import { messageOf } from '../errors.ts';
import type { FrozenTrial } from '../hpo/frozenTrial.ts';
import { directionOf } from '../hpo/hpoConfig.ts';
import type { Plain } from '../hpo/plain.ts';
import type { ConfigPatch, FrozenConfig } from '../hpo/searchSpace.ts';
import type { Study } from '../hpo/study.ts';
import { bestYaml, exportedPatch, overrideText, trainCommand } from './bestConfig.ts';
import type { HpoFlags } from './hpoFlags.ts';
import { comparedStudies } from './report/comparedStudies.ts';
import { type Comparison, comparisonLine, compareStudies } from './report/comparison.ts';
import { searchRecordOf } from './report/searchRecord.ts';
import { bestFirst } from './retention.ts';
import type { HpoHost, HpoOptions } from './runSearch.ts';
import { type ReportInput, writeReport } from './studyReport.ts';
import { settingsOf } from './studySettings.ts';
import { patchOf } from './trialRecord.ts';
import { shortNumber } from '../hpo/shortNumber.ts';
import { stateCounts } from './trialText.ts';

/** What results are made from. */
export interface ResultParts {
  readonly options: HpoOptions;
  readonly host: HpoHost;
  readonly flags: HpoFlags;
  readonly study: Study;
  readonly base: FrozenConfig;
  readonly folder: string;
  readonly configFiles: readonly string[];
}

/** The files of a study for people and for trainings, and the lines that end a search. */
export class StudyResults {
  readonly #parts: ResultParts;
  #unwritten = false;
  #reports: readonly string[] = [];

  constructor(parts: ResultParts) {
    this.#parts = parts;
  }

  /** Writes `best.yaml`, `production.yaml` and the report; a full disk is said, not thrown. */
  async write(): Promise<void> {
    await this.#written(async () => {
      await this.#writeBest();
      await this.#writeReport();
    });
  }

  /** Writes `best.yaml` and `production.yaml`. */
  async writeBest(): Promise<void> {
    await this.#written(() => this.#writeBest());
  }

  /** @returns the best trial, after saying what is known about it */
  async summarize(): Promise<FrozenTrial | undefined> {
    const { study, host, options, flags } = this.#parts;
    const { terminal } = host;
    terminal.line(`Study "${study.name}": ${stateCounts(await study.trials())}`);
    const best = await this.#best();
    if (this.#reports.length > 0) terminal.line(`Report: ${this.#reports.join(', ')}`);
    if (best === undefined) {
      terminal.line('No trial is complete; the report says why.');
      return undefined;
    }
    const value = shortNumber(best.values?.[0] ?? NaN);
    terminal.line(`Best: trial ${best.number}, ${options.config.monitor} = ${value}`);
    for (const [purpose, command] of this.#commands(best)) terminal.line(`${purpose}: ${command}`);
    const comparison = await this.comparison();
    if (comparison !== undefined) terminal.line(`Compared: ${comparisonLine(comparison)}`);
    if (flags.testMode) terminal.line('Everything runs. The values of a test mean nothing.');
    return best;
  }

  /**
   * With the studies of `--compare`; undefined without.
   * @throws UsageError ERR_HPO_COMPARE for a study that is not there
   */
  async comparison(): Promise<Comparison | undefined> {
    const { study, flags, folder, options } = this.#parts;
    const others = await comparedStudies(flags.compare, study, folder);
    if (others.length === 0) return undefined;
    return compareStudies(await study.trials(), others, directionOf(options.config.mode));
  }

  async #best(): Promise<FrozenTrial | undefined> {
    const { study, options } = this.#parts;
    return bestFirst(await study.trials(), directionOf(options.config.mode)).at(0);
  }

  /** Files for people: everything in them is in the study, so that they can be written later. */
  async #written(write: () => Promise<void>): Promise<void> {
    const { host, folder } = this.#parts;
    try {
      await write();
      this.#unwritten = false;
    } catch (error) {
      if (!this.#unwritten) {
        host.terminal.line(`Results in ${folder} could not be written: ${messageOf(error)}`);
      }
      this.#unwritten = true;
    }
  }

  async #writeBest(): Promise<void> {
    const { study, folder, base, options } = this.#parts;
    const best = await this.#best();
    const patch = best === undefined ? undefined : patchOf(best);
    if (best === undefined || patch === undefined) return;
    const { monitor, excludedParams, productionOverrides = {} } = options.config;
    const value = best.values?.[0] ?? NaN;
    const header = [`Study ${study.name}, trial ${best.number}: ${monitor} = ${value}`];
    const overlay = exportedPatch(patch, base, excludedParams);
    await writeFileAtomic(join(folder, 'best.yaml'), bestYaml(header, overlay));
    if (Object.keys(productionOverrides).length === 0) return;
    const production = exportedPatch(productionOverrides, base);
    const text = bestYaml(
      [`Of the long training with ${study.name}'s best parameters`],
      production,
    );
    await writeFileAtomic(join(folder, 'production.yaml'), text);
  }

  async #writeReport(): Promise<void> {
    const { study, folder, options, flags } = this.#parts;
    const { monitor, mode, charts = true } = options.config;
    const { sampler, pruner, seed, storage, name } = study;
    const { systemAttrs } = await study.record();
    const record = searchRecordOf(systemAttrs);
    const commands = this.#commands(await this.#best());
    if (record !== undefined) commands.push(['The search goes on with', record.command]);
    const input: ReportInput = {
      study: name,
      objectives: [{ name: monitor, direction: directionOf(mode) }],
      settings: [
        ['sampler', record?.sampler ?? sampler.name],
        ['pruner', record?.pruner ?? pruner.name],
        ['seed', String(seed)],
        ['storage', storage.location],
        ...trialSettings(systemAttrs),
      ],
      trials: await study.trials(),
      commands,
      comparison: await this.comparison(),
    };
    this.#reports = await writeReport(folder, input, charts || flags.report);
  }

  /** Commands for the best trial, each with what it is for; none before there is one. */
  #commands(best: FrozenTrial | undefined): [string, string][] {
    const { folder, configFiles, flags, options } = this.#parts;
    const patch = best === undefined ? undefined : patchOf(best);
    // A few batches say nothing about parameters.
    if (patch === undefined || flags.testMode) return [];
    const files = [...configFiles, join(folder, 'best.yaml')];
    const { trialSteps, scaleSchedules } = flags;
    const isPart = trialSteps !== null && !scaleSchedules;
    const until = isPart ? ` (its value came within ${trialSteps} updates)` : '';
    const again = trainCommand(files, this.#trialOverrides(patch));
    const commands: [string, string][] = [[`The best trial again${until}`, again]];
    if (Object.keys(options.config.productionOverrides ?? {}).length > 0) {
      const long = trainCommand([...files, join(folder, 'production.yaml')], this.#longOverrides());
      commands.push(['The long training', long]);
    }
    return commands;
  }

  /** Flags of the search, such as a small part of the data, unless production says otherwise. */
  #longOverrides(): string[] {
    const { flags, base, options } = this.#parts;
    const production = exportedPatch(options.config.productionOverrides ?? {}, base);
    return flags.overrides.filter((override) => {
      const [path] = override.split(/\+?=/, 1);
      const [written] = Object.keys(exportedPatch({ [path]: null }, base));
      return !Object.hasOwn(production, written);
    });
  }

  /** What the best trial had beside what `best.yaml` says. */
  #trialOverrides(patch: ConfigPatch): string[] {
    const { flags, base, options } = this.#parts;
    const overrides = [...flags.overrides];
    if (flags.valInterval !== null) {
      overrides.push(`trainer.val_check_interval=${flags.valInterval}`);
    }
    if (flags.scaleSchedules) overrides.push(`trainer.max_steps=${flags.trialSteps}`);
    const exported = exportedPatch(patch, base, options.config.excludedParams);
    for (const [path, value] of Object.entries(exportedPatch(patch, base))) {
      if (!Object.hasOwn(exported, path)) overrides.push(overrideText(path, value));
    }
    return overrides;
  }
}

/** How trials were cut short or changed, as far as they were. */
function trialSettings(attrs: Readonly<Record<string, Plain>>): [string, string][] {
  const { monitor: _, ...settings } = settingsOf(attrs) ?? { monitor: '' };
  return Object.entries(settings).flatMap(([name, value]): [string, string][] => {
    const texts = Array.isArray(value) ? value.join(', ') : String(value ?? false);
    return texts === '' || texts === 'false' ? [] : [[name, texts]];
  });
}
