import type { FrozenTrial } from '../hpo/frozenTrial.ts';
import type { FrozenConfig, SearchSpace } from '../hpo/searchSpace.ts';
import { isLeasing } from '../hpo/storages/rdbLeases.ts';
import type { Study } from '../hpo/study.ts';
import { isFinished } from '../hpo/trialState.ts';
import { Coordinator } from './coordinator.ts';
import { DiskRoom } from './diskRoom.ts';
import { directionOf } from '../hpo/hpoConfig.ts';
import type { HpoFlags } from './hpoFlags.ts';
import { noteSearch } from './report/searchRecord.ts';
import { tidyCheckpoints } from './retention.ts';
import type { HpoHost, HpoOptions } from './runSearch.ts';
import { SameFailures } from './sameFailures.ts';
import { evaluate } from './spaceCheck.ts';
import { StudyProgress } from './studyProgress.ts';
import { StudyResults } from './studyResults.ts';
import { SearchStops } from './searchStops.ts';
import { isLeftBehind } from './trialRecord.ts';
import { OwnTrials, SharedTrials, type TrialSource } from './trialSource.ts';
import { stateCounts } from './trialText.ts';

/** So many heartbeats must fail to come before a worker counts as lost. */
const HEARTBEATS_IN_GRACE = 6;

/** Enough to see a trial end and the next one begin. */
const TEST_TRIALS = 3;

/** Everything that one call of the search works with. */
export interface SearchParts {
  readonly options: HpoOptions;
  readonly host: HpoHost;
  readonly flags: HpoFlags;
  readonly study: Study;
  readonly base: FrozenConfig;
  readonly space: SearchSpace;
  readonly folder: string;
  readonly configFiles: readonly string[];
  /** Ends the waiting for a storage that is away. */
  readonly giveUp: () => void;
}

/** One call of the search on an open study: runs the trials, follows them, writes the results. */
export class Search {
  readonly #parts: SearchParts;
  readonly #results: StudyResults;
  readonly #failures = new SameFailures();

  constructor(parts: SearchParts) {
    this.#parts = parts;
    this.#results = new StudyResults(parts);
  }

  async run(): Promise<number> {
    const { study, host } = this.#parts;
    const trials = await study.trials();
    const total = this.#total(trials);
    // A misspelt name is said before the work, not after it.
    await this.#results.comparison();
    await noteSearch(study, host.args, total);
    this.#announce(trials, total);
    const progress = this.#progress(trials, total);
    const coordinator = this.#coordinator(total, progress);
    const stops = new SearchStops(host, progress, {
      pause: () => {
        coordinator.pause();
      },
      kill: () => {
        this.#parts.giveUp();
        coordinator.kill();
      },
    });
    let whole: boolean;
    try {
      whole = await coordinator.run();
      while (!whole && (await stops.goesOn())) whole = await coordinator.run();
    } finally {
      stops.close();
      progress.finish();
      await this.#results.write();
    }
    await this.#results.summarize();
    if (whole) return 0;
    return this.#unfinished(stops.asked);
  }

  /** Says why, and how to go on. @returns the exit code */
  #unfinished(asked: boolean): number {
    const { terminal } = this.#parts.host;
    const { reason } = this.#failures;
    if (reason !== undefined) {
      terminal.line(`Stopped, because all trials failed the same way: ${reason}`);
      terminal.line('Mend that and run the same command again; --study-name NAME begins anew.');
      return 1;
    }
    const why = asked ? 'Stopped.' : 'The time is over.';
    terminal.line(`${why} Run the same command again to go on.`);
    return asked ? 130 : 3;
  }

  #total(trials: readonly FrozenTrial[]): number {
    const { flags, options } = this.#parts;
    const finished = trials.filter((trial) => isFinished(trial.state)).length;
    if (flags.more !== null) return finished + flags.more;
    return flags.nTrials ?? (flags.testMode ? TEST_TRIALS : (options.config.nTrials ?? 100));
  }

  #announce(trials: readonly FrozenTrial[], total: number): void {
    const { study, host, flags } = this.#parts;
    const { terminal } = host;
    const state = trials.length === 0 ? 'new study' : stateCounts(trials);
    terminal.line(`Study "${study.name}" in ${study.storage.location}: ${state}`);
    if (trials.filter((trial) => isFinished(trial.state)).length >= total) {
      terminal.line(`All ${total} trials are done; --more 20 or a larger --n-trials goes on.`);
      return;
    }
    const { sampler, pruner, seed } = study;
    const work = `${counted(flags.workers, 'worker')} of ${counted(this.#threads(), 'thread')}`;
    terminal.line(
      `Going to ${total} trials, sampler ${sampler.name}, pruner ${pruner.name}, seed ${seed}, ${work}`,
    );
    const foreign = trials.filter((trial) => trial.state === 'RUNNING' && !isLeftBehind(trial));
    if (foreign.length > 0) {
      const numbers = foreign.map((trial) => trial.number).join(', ');
      terminal.line(`Trials ${numbers} are running elsewhere (not started by this command).`);
    }
  }

  #progress(trials: readonly FrozenTrial[], total: number): StudyProgress {
    const { options, host } = this.#parts;
    const { monitor, mode } = options.config;
    const direction = directionOf(mode);
    return new StudyProgress(host.terminal, { total, monitor, direction, trials });
  }

  #coordinator(total: number, progress: StudyProgress): Coordinator {
    const { options, host, flags, study, base, space, folder, configFiles } = this.#parts;
    const { monitor, mode, objective = 'best', retries = {} } = options.config;
    const coordinator: Coordinator = new Coordinator({
      study,
      source: this.#source(total, progress),
      totalTrials: total,
      retries,
      heartbeatMs: flags.gracePeriodMs / HEARTBEATS_IN_GRACE,
      workers: flags.workers,
      objective,
      folder,
      command: host.worker,
      disk: new DiskRoom(folder, {
        say: (text) => {
          host.terminal.line(text);
        },
      }),
      timeoutMs: flags.timeoutMs,
      trialTimeoutMs: flags.trialTimeoutMs,
      task: {
        study: study.name,
        configFiles,
        overrides: flags.overrides,
        threads: this.#threads(),
        monitor,
        direction: directionOf(mode),
        trialSteps: flags.trialSteps,
        scaleSchedules: flags.scaleSchedules,
        valInterval: flags.valInterval,
        testMode: flags.testMode,
      },
      suggest: (trial) => evaluate(space, trial, base),
      watch: {
        started: (number, patch, resumed) => {
          progress.started(number, patch, resumed);
        },
        reported: (number, value, step) => {
          progress.reported(number, value, step);
        },
        retried: (number, failure, retry, allowed) => {
          progress.retried(number, failure, retry, allowed);
        },
        left: (number, lost) => {
          progress.left(number, lost);
        },
        ended: async (trial) => {
          progress.ended(trial);
          this.#failures.add(trial);
          if (this.#failures.reason !== undefined) coordinator.pause();
          await this.#tidy(progress);
        },
      },
    });
    return coordinator;
  }

  #source(total: number, progress: StudyProgress): TrialSource {
    const { study, flags } = this.#parts;
    const { storage } = study;
    if (!isLeasing(storage)) return new OwnTrials(study, total);
    return new SharedTrials(study, storage, total, flags.gracePeriodMs, (trial) => {
      progress.ended(trial);
    });
  }

  async #tidy(progress: StudyProgress): Promise<void> {
    const { study, folder, options } = this.#parts;
    const keep = options.config.keepCheckpoints ?? 3;
    const trials = await study.trials();
    progress.seen(trials);
    tidyCheckpoints(folder, trials, directionOf(options.config.mode), keep);
    await this.#results.writeBest();
  }

  #threads(): number {
    const { host, flags } = this.#parts;
    return Math.max(1, Math.floor(host.cores / flags.workers));
  }
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}
