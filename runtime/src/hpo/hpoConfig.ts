import type { Plain } from './plain.ts';
import type { PrunerSettings, SamplerSettings } from './registry.ts';
import type { Direction } from './trialState.ts';

/** A project's settings of its searches: `src/hpo/config.ts`. */
export interface HpoConfig {
  /** The metric that is searched for, such as `val/loss`. */
  readonly monitor: string;
  /** Whether it is to be small or large. */
  readonly mode: 'min' | 'max';
  /**
   * Which of a trial's validations counts: its best one (whose checkpoint is kept) or its last.
   * Default `best`.
   */
  readonly objective?: 'best' | 'last';
  /** Name of the study when `--study-name` is not given. Default `study`. */
  readonly studyName?: string;
  /** Trials in total when neither `--n-trials` nor `--more` is given. Default 100. */
  readonly nTrials?: number;
  /** Dotted paths that the search sets but `best.yaml` leaves out. */
  readonly excludedParams?: readonly string[];
  /**
   * Dotted path -> value of the long training with the best parameters, such as more epochs:
   * written to `production.yaml`, so that `best.yaml` alone is the best trial again.
   */
  readonly productionOverrides?: Readonly<Record<string, Plain>>;
  /**
   * Whether a search ends with `report.html`, whose charts take about a second; `report.md` and
   * `npm run hpo -- --report` are always there. Default true.
   */
  readonly charts?: boolean;
  /** Of how many of the best trials the checkpoints are kept. Default 3. */
  readonly keepCheckpoints?: number;
  /**
   * How often a trial that failed is continued from its last checkpoint, in a new process, before
   * it counts as failed. Default: `{ signal: 2 }`, so a process killed from outside is made up
   * for; retries that brought the trial further do not count. `oom` is lack of memory, `exit` a
   * process that ended by itself, `timeout` the limit of `--trial-timeout`.
   */
  readonly retries?: {
    readonly nan?: number;
    readonly exception?: number;
    readonly exit?: number;
    readonly signal?: number;
    readonly oom?: number;
    readonly timeout?: number;
    readonly 'no-metric'?: number;
  };
  /**
   * Name and options of the sampler, such as `{ name: 'cmaes', popsize: 10 }`; default `tpe`.
   * `--sampler` with another name leaves the options out.
   */
  readonly sampler?: SamplerSettings;
  /**
   * Name and options of the pruner, steps in optimizer updates; default `median`. `--pruner` with
   * another name leaves the options out.
   */
  readonly pruner?: PrunerSettings;
}

/** `min` is Optuna's `minimize`. */
export function directionOf(mode: HpoConfig['mode']): Direction {
  return mode === 'min' ? 'minimize' : 'maximize';
}
