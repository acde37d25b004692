import { randomUUID } from 'node:crypto';
import type { FrozenTrial } from '../hpo/frozenTrial.ts';
import { ownIdentity } from '../hpo/processIdentity.ts';
import { ATTEMPT_ATTR, type LeasingStorage } from '../hpo/storages/rdbLeases.ts';
import type { Study } from '../hpo/study.ts';
import type { Trial } from '../hpo/trial.ts';
import { isFinished } from '../hpo/trialState.ts';
import { isLeftBehind } from './trialRecord.ts';

/** A trial to run: new, queued, or one that lost its process. */
export interface NextTrial {
  readonly frozen: FrozenTrial;
  readonly live: Trial;
}

/**
 * Where a coordinator gets its trials from.
 *
 * `wait`: others run the last trials, and may lose them; `done`: the total is reached.
 */
export interface TrialSource {
  next(running: ReadonlySet<number>): Promise<NextTrial | 'wait' | 'done'>;
  /** Lets others continue a trial that was not finished. */
  release(trial: FrozenTrial): Promise<void>;
  /** Shows that the running trials live. @returns numbers of trials that are others' now */
  renew(running: ReadonlySet<number>): Promise<readonly number[]>;
}

/** Trials of a study that this process alone coordinates, which its lease on the journal ensures. */
export class OwnTrials implements TrialSource {
  readonly #study: Study;
  readonly #total: number;

  constructor(study: Study, total: number) {
    this.#study = study;
    this.#total = total;
  }

  async next(running: ReadonlySet<number>): Promise<NextTrial | 'done'> {
    const trials = await this.#study.trials();
    const finished = trials.filter((trial) => isFinished(trial.state)).length;
    if (finished + running.size >= this.#total) return 'done';
    const left = trials.find((each) => isLeftBehind(each) && !running.has(each.number));
    if (left !== undefined) return { frozen: left, live: await this.#study.resume(left) };
    if (await this.#study.isExhausted(true)) return 'done';
    const { host, pid, started } = ownIdentity();
    const systemAttrs = { [ATTEMPT_ATTR]: { host, pid, started } };
    const live = await this.#study.ask({ systemAttrs });
    return { frozen: (await this.#study.trials())[live.number], live };
  }

  release(): Promise<void> {
    return Promise.resolve();
  }

  renew(): Promise<readonly number[]> {
    return Promise.resolve([]);
  }
}

/** How long the heartbeat of a worker of another program, such as Optuna, may be away. */
const FOREIGN_GRACE_MS = 300_000;
/** Often enough for any number of preempted machines, but not without an end. */
const MAX_TAKEOVERS = 20;

/** Trials of a study that any number of coordinators run, here and on other machines. */
export class SharedTrials implements TrialSource {
  readonly #study: Study;
  readonly #storage: LeasingStorage;
  readonly #total: number;
  readonly #graceMs: number;
  readonly #given: (trial: FrozenTrial) => void;
  readonly #ids = new Map<number, number>();

  /** @param given told of trials that were found lost once too often and are FAIL now */
  constructor(
    study: Study,
    storage: LeasingStorage,
    total: number,
    graceMs: number,
    given: (trial: FrozenTrial) => void,
  ) {
    this.#study = study;
    this.#storage = storage;
    this.#total = total;
    this.#graceMs = graceMs;
    this.#given = given;
  }

  async next(): Promise<NextTrial | 'wait' | 'done'> {
    const { id } = await this.#study.record();
    const answer = await this.#storage.lease(id, {
      total: await this.#limit(),
      owner: ownIdentity(),
      token: randomUUID(),
      graceMs: this.#graceMs,
      foreignGraceMs: Math.max(FOREIGN_GRACE_MS, this.#graceMs),
      maxTakeovers: MAX_TAKEOVERS,
    });
    for (const trial of answer.failed) this.#given(trial);
    if (!('trial' in answer)) return answer.kind === 'done' ? 'done' : 'wait';
    const frozen = answer.trial;
    this.#ids.set(frozen.number, frozen.id);
    return { frozen, live: await this.#study.resume(frozen) };
  }

  /** As many trials as there are, once their points are all that the sampler knows. */
  async #limit(): Promise<number> {
    if (!(await this.#study.isExhausted(true))) return this.#total;
    const begun = await this.#study.trials(['RUNNING', 'COMPLETE', 'PRUNED', 'FAIL']);
    return Math.min(this.#total, begun.length);
  }

  async release(trial: FrozenTrial): Promise<void> {
    await this.#storage.releaseLease(trial.id);
  }

  async renew(running: ReadonlySet<number>): Promise<readonly number[]> {
    const lost = await this.#storage.renewLeases();
    return [...running].filter((number) => lost.includes(this.#ids.get(number) ?? -1));
  }
}
