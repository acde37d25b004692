import { LightboxError } from '../errors.ts';
import { Rng } from '../random/rng.ts';
import type { ParamValue } from './distribution.ts';
import { type Draft, draftOf } from './draft.ts';
import { type FrozenTrial, lastStep } from './frozenTrial.ts';
import { bestOf, paretoFront } from './pareto.ts';
import type { Plain } from './plain.ts';
import { MedianPruner } from './pruners/medianPruner.ts';
import type { PruneDecision, Pruner } from './pruners/pruner.ts';
import type { Sampler, SamplerContext } from './samplers/sampler.ts';
import { TpeSampler } from './samplers/tpe/tpeSampler.ts';
import { relativeParamsOf } from './relativeParams.ts';
import { MemoryStorage } from './storages/memoryStorage.ts';
import type { Storage, StudyRecord, TrialChanges, TrialTemplate } from './storages/storage.ts';
import { Trial } from './trial.ts';
import type { Direction, TrialState } from './trialState.ts';

const SEED_ATTR = 'lightbox:seed';

/** How to open a study. */
export interface StudyOptions {
  /** Default "study". */
  readonly name?: string;
  /** Default: in memory. */
  readonly storage?: Storage;
  /** One for each objective; default `['minimize']`. Not used by `load`. */
  readonly directions?: readonly Direction[];
  /** Default: {@link TpeSampler}, as in Optuna. */
  readonly sampler?: Sampler;
  /** Default: median. */
  readonly pruner?: Pruner;
  /** Decides all suggestions, with the trial's number; kept in the study. Default 0. */
  readonly seed?: number;
  /** `create` opens a study of that name instead of failing. Default false. */
  readonly loadIfExists?: boolean;
}

/** Called by {@link Study.optimize} after each trial. */
export type StudyCallback = (study: Study, trial: FrozenTrial) => void | Promise<void>;

type Outcome = number | readonly number[];
type Objective = (trial: Trial) => Outcome | Promise<Outcome>;

/** How a trial ended, for {@link Study.tell}. */
export interface TellOptions {
  /** Default: COMPLETE when there are values, FAIL when they are missing or NaN. */
  readonly state?: 'COMPLETE' | 'PRUNED' | 'FAIL';
  readonly userAttrs?: Readonly<Record<string, Plain>>;
  readonly systemAttrs?: Readonly<Record<string, Plain>>;
}

/**
 * A search: ask for a trial, run it, tell its value. `optimize` is that loop. What each trial is
 * suggested depends on the study's seed, the trial's number and the finished trials, so nothing
 * is repeated or shifted by stopping, resuming or asking from several processes.
 */
export class Study {
  readonly name: string;
  readonly storage: Storage;
  readonly directions: readonly Direction[];
  readonly sampler: Sampler;
  readonly pruner: Pruner;
  readonly seed: number;
  readonly #id: number;
  readonly #rng: Rng;
  #stopped = false;

  private constructor(record: StudyRecord, storage: Storage, seed: number, options: StudyOptions) {
    this.name = record.name;
    this.storage = storage;
    this.directions = record.directions;
    this.sampler = options.sampler ?? new TpeSampler();
    this.pruner = options.pruner ?? new MedianPruner();
    this.seed = seed;
    this.#id = record.id;
    this.#rng = Rng.fromSeed(seed).fold('hpo');
  }

  /**
   * Creates a study.
   * @throws LightboxError ERR_HPO_STUDY_EXISTS unless `loadIfExists`; ERR_HPO_DIRECTIONS when the
   *   existing one has other directions
   */
  static async create(options: StudyOptions = {}): Promise<Study> {
    const { name = 'study', directions = ['minimize'], storage = new MemoryStorage() } = options;
    const loads = options.loadIfExists === true;
    const known = loads ? await find(storage, name) : undefined;
    const record = known ?? (await makeStudy(storage, name, directions, loads));
    if (options.directions !== undefined && record.directions.join() !== directions.join()) {
      const message = `study "${name}" has ${record.directions.join()}, asked for ${directions.join()}`;
      throw new LightboxError('ERR_HPO_DIRECTIONS', message);
    }
    return Study.#open(record, storage, options);
  }

  /**
   * Opens an existing study, also one made by Optuna.
   * @throws LightboxError ERR_HPO_STUDY_UNKNOWN, naming the studies there are
   */
  static async load(options: StudyOptions & { storage: Storage }): Promise<Study> {
    const { name = 'study', storage } = options;
    const record = await find(storage, name);
    if (record !== undefined) return Study.#open(record, storage, options);
    const names = (await storage.studies()).map((study) => `"${study.name}"`);
    throw new LightboxError(
      'ERR_HPO_STUDY_UNKNOWN',
      `${storage.location} has no study "${name}"; it has ${names.join(', ') || 'none'}`,
    );
  }

  static async #open(record: StudyRecord, storage: Storage, options: StudyOptions): Promise<Study> {
    const stored = record.systemAttrs[SEED_ATTR] as Plain | undefined;
    if (typeof stored === 'number') {
      if (options.seed === undefined || options.seed === stored) {
        return new Study(record, storage, stored, options);
      }
      throw new LightboxError(
        'ERR_HPO_SEED_CHANGED',
        `study "${record.name}" has seed ${stored}, asked for ${options.seed}; leave the seed out ` +
          'to continue it, or give the new search another name',
      );
    }
    const seed = options.seed ?? 0;
    await storage.setStudyAttr(record.id, 'system', SEED_ATTR, seed);
    return new Study(record, storage, seed, options);
  }

  /** All trials by number, or those in the given states. */
  async trials(states?: readonly TrialState[]): Promise<readonly FrozenTrial[]> {
    const all = await this.storage.trials(this.#id);
    return states === undefined ? all : all.filter((trial) => states.includes(trial.state));
  }

  /** The study's user and system attributes. */
  async record(): Promise<StudyRecord> {
    const record = await find(this.storage, this.name);
    if (record !== undefined) return record;
    throw new LightboxError('ERR_HPO_STUDY_UNKNOWN', `study "${this.name}" was deleted`);
  }

  /** The complete trial with the best value (the earliest of equals); single-objective only. */
  async bestTrial(): Promise<FrozenTrial | undefined> {
    return bestOf(await this.trials(), this.#direction());
  }

  /** The Pareto front: complete, feasible trials that no other one beats. */
  async bestTrials(): Promise<readonly FrozenTrial[]> {
    return paretoFront(await this.trials(), this.directions);
  }

  /** The next trial: an enqueued one if any waits, otherwise a new one. */
  async ask(changes: TrialChanges = {}): Promise<Trial> {
    const known = await this.trials();
    if (known.some((trial) => trial.state === 'WAITING')) {
      const claimed = await this.storage.claimWaiting(this.#id, changes);
      if (claimed !== undefined) return this.#begin(claimed, await this.#othersThan(claimed));
    }
    // Decided before the trial exists, so that its creation carries the decision to others.
    const context = this.#context(known.length, known);
    const draft = draftOf(this.sampler, context);
    const systemAttrs = { ...changes.systemAttrs, ...draft.attrs };
    const frozen = await this.storage.createTrial(this.#id, undefined, { ...changes, systemAttrs });
    if (frozen.number === known.length) return this.#trial(frozen, context, draft);
    return this.#begin(frozen, await this.#othersThan(frozen));
  }

  /** A RUNNING trial that lost its process, to be run again under its number and parameters. */
  async resume(frozen: FrozenTrial): Promise<Trial> {
    const others = await this.#othersThan(frozen);
    const params = this.sampler.relativeAttrs && relativeParamsOf(frozen);
    if (params === undefined) return this.#begin(frozen, others);
    return this.#trial(frozen, this.#context(frozen.number, others), { params, attrs: {} });
  }

  async #begin(frozen: FrozenTrial, others: readonly FrozenTrial[]): Promise<Trial> {
    const context = this.#context(frozen.number, others);
    const draft = draftOf(this.sampler, context);
    if (Object.keys(draft.attrs).length > 0) {
      await this.storage.updateTrial(frozen.id, { systemAttrs: draft.attrs });
    }
    return this.#trial(frozen, context, draft);
  }

  #trial(frozen: FrozenTrial, context: SamplerContext, draft: Draft): Trial {
    return new Trial(frozen, {
      sampler: this.sampler,
      context,
      relative: draft.params,
      update: (id, update) => this.storage.updateTrial(id, update),
      decide: (id) => this.#decide(id),
    });
  }

  #context(number: number, trials: readonly FrozenTrial[]): SamplerContext {
    const rng = this.#rng.fold('trial', number);
    return { directions: this.directions, trials, number, rng, studyRng: this.#rng };
  }

  async #othersThan(frozen: FrozenTrial): Promise<readonly FrozenTrial[]> {
    return (await this.trials()).filter((trial) => trial.id !== frozen.id);
  }

  /**
   * Ends a trial. A pruned one gets its last report as value. NaN is never a value: without a
   * state it makes the trial FAIL.
   * @throws LightboxError ERR_HPO_TELL when values and state or objectives do not go together
   */
  async tell(
    trial: Trial,
    values?: number | readonly number[],
    options: TellOptions = {},
  ): Promise<FrozenTrial> {
    return this.#end(trial, values, options);
  }

  async #end(
    trial: Trial,
    values: number | readonly number[] | undefined,
    options: TellOptions,
    soon = false,
  ): Promise<FrozenTrial> {
    const list = typeof values === 'number' ? [values] : values;
    const finish = await this.#outcome(trial, list, options.state);
    const { userAttrs, systemAttrs } = options;
    const changes = trial.takePending({ userAttrs, systemAttrs, finish });
    return this.storage.updateTrial(trial.id, changes, soon);
  }

  /** Lets a later `ask` start with these parameter values; the others are sampled. */
  async enqueueTrial(
    params: Readonly<Record<string, ParamValue>>,
    options: { userAttrs?: Readonly<Record<string, Plain>>; skipIfExists?: boolean } = {},
  ): Promise<void> {
    if (options.skipIfExists === true) {
      const wanted = sortedJson(params);
      const known = await this.trials();
      const same = (trial: FrozenTrial): boolean =>
        sortedJson((trial.systemAttrs.fixed_params as object | undefined) ?? trial.params) ===
        wanted;
      if (known.some(same)) return;
    }
    const systemAttrs = { fixed_params: params };
    await this.addTrial({ state: 'WAITING', userAttrs: options.userAttrs, systemAttrs });
  }

  /** Adds a trial that was run elsewhere. */
  async addTrial(template: TrialTemplate): Promise<FrozenTrial> {
    return this.storage.createTrial(this.#id, template);
  }

  async setUserAttr(key: string, value: Plain): Promise<void> {
    await this.storage.setStudyAttr(this.#id, 'user', key, value);
  }

  async setSystemAttr(key: string, value: Plain): Promise<void> {
    await this.storage.setStudyAttr(this.#id, 'system', key, value);
  }

  /**
   * Runs `objective` for `nTrials` further trials in this process, fewer after {@link stop} or when
   * the sampler has {@link isExhausted nothing left}. It returns the value, throws {@link TrialPruned} to be pruned; any other error ends the trial as
   * FAIL and is thrown on. In a journal a result survives the death of the process at once, that of
   * the machine after 50 ms at most.
   * @param callbacks called with each trial that has ended, pruned ones too
   */
  async optimize(
    objective: Objective,
    nTrials: number,
    callbacks: readonly StudyCallback[] = [],
  ): Promise<void> {
    this.#stopped = false;
    try {
      for (let count = 0; count < nTrials && !this.#stopped; count++) {
        if (await this.isExhausted()) return;
        const ended = await this.#run(await this.ask(), objective);
        for (const callback of callbacks) await callback(this, ended);
      }
    } finally {
      await this.storage.flush?.();
    }
  }

  async #run(trial: Trial, objective: Objective): Promise<FrozenTrial> {
    try {
      return await this.#end(trial, await objective(trial), {}, true);
    } catch (error) {
      if (error instanceof TrialPruned)
        return this.#end(trial, undefined, { state: 'PRUNED' }, true);
      await this.tell(trial, undefined, { state: 'FAIL' }).catch(() => undefined);
      throw error;
    }
  }

  /** Lets {@link optimize} end after the running trial; for objectives and callbacks. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * True when the sampler has tried everything there is: after the last point of a grid.
   * @param running whether what running trials try counts as tried. Default false: trials whose
   *   process was lost stay RUNNING, and their points would be left out
   */
  async isExhausted(running = false): Promise<boolean> {
    if (this.sampler.isExhausted === undefined) return false;
    const trials = await this.trials();
    if (trials.some((trial) => trial.state === 'WAITING')) return false;
    return this.sampler.isExhausted({ trials }, running);
  }

  async #decide(trialId: number): Promise<PruneDecision> {
    const trials = await this.trials();
    const trial = trials.find((other) => other.id === trialId);
    if (trial === undefined) return { prune: false, reason: 'the trial is not in the study' };
    const direction = this.#direction();
    const decision = this.pruner.decide({ studyName: this.name, direction, trials, trial });
    const { systemAttrs } = decision;
    if (systemAttrs !== undefined) await this.storage.updateTrial(trialId, { systemAttrs });
    return { prune: decision.prune, reason: decision.reason };
  }

  async #outcome(
    trial: Trial,
    values: readonly number[] | undefined,
    state: TellOptions['state'],
  ): Promise<NonNullable<TrialChanges['finish']>> {
    if (state === 'PRUNED' || state === 'FAIL') {
      if (values !== undefined) throw tellError(`${state} takes no values`);
      return { state, values: state === 'PRUNED' ? await this.#lastReport(trial) : null };
    }
    const fault = this.#faultOf(values);
    if (fault !== undefined && state === 'COMPLETE') throw tellError(fault);
    return fault !== undefined || values === undefined
      ? { state: 'FAIL', values: null }
      : { state: 'COMPLETE', values };
  }

  #faultOf(values: readonly number[] | undefined): string | undefined {
    if (values === undefined) return 'COMPLETE needs a value';
    if (values.some((value) => Number.isNaN(value))) return 'NaN is not a value';
    if (values.length === this.directions.length) return undefined;
    return `${values.length} values for ${this.directions.length} objectives`;
  }

  async #lastReport(trial: Trial): Promise<number[] | null> {
    const frozen = (await this.trials()).find((other) => other.id === trial.id);
    const step = frozen === undefined ? undefined : lastStep(frozen);
    const value = step === undefined ? undefined : frozen?.intermediateValues.get(step);
    return value === undefined || Number.isNaN(value) ? null : [value];
  }

  #direction(): Direction {
    if (this.directions.length === 1) return this.directions[0];
    const message = `study "${this.name}" has ${this.directions.length} objectives`;
    throw new LightboxError('ERR_HPO_DIRECTIONS', `${message}; this needs a study with one`);
  }
}

/** Thrown by an objective to end its trial as PRUNED. */
export class TrialPruned extends Error {
  constructor(reason = 'pruned') {
    super(reason);
    this.name = 'TrialPruned';
  }
}

/** @param loads takes the study that another process has made in the meantime */
async function makeStudy(
  storage: Storage,
  name: string,
  directions: readonly Direction[],
  loads: boolean,
): Promise<StudyRecord> {
  try {
    return await storage.createStudy(name, directions);
  } catch (error) {
    const made = loads ? await find(storage, name) : undefined;
    if (made === undefined) throw error;
    return made;
  }
}

async function find(storage: Storage, name: string): Promise<StudyRecord | undefined> {
  return (await storage.studies()).find((study) => study.name === name);
}

function sortedJson(value: object): string {
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function tellError(message: string): LightboxError {
  return new LightboxError('ERR_HPO_TELL', message);
}
