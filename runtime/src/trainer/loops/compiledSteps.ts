import * as tf from '@tensorflow/tfjs-core';
import { isPlainObject } from '../../core/json.ts';
import type { CompileSettings } from '../../core/callback.ts';
import type { Batch } from '../../core/batch.ts';
import type { NamedParameter } from '../../core/parameters.ts';
import { didYouMean, UsageError } from '../../errors.ts';
import { StepReplay } from '../../engine/replay/stepReplay.ts';
import type { Rng } from '../../random/index.ts';
import type { Run } from '../run.ts';
import type { BoundRound } from './boundRound.ts';
import { logReplayed, recordLogged, type LoggedCall } from './replayedLogs.ts';

type Random = Pick<Rng, 'uniform'>;

/** The training steps of a run, replayed where that is safe. */
export class CompiledSteps {
  readonly #run: Run;
  readonly #newReplay: () => StepReplay;
  #replay: StepReplay;
  readonly #usesIndex: boolean;
  /** Calls of `log` by the tag that stands for them in the engine. */
  readonly #calls = new Map<string, LoggedCall>();

  readonly #targets: readonly string[] | null;

  /** @throws UsageError ERR_COMPILE_TARGET when a sub-module to compile does not exist */
  constructor(run: Run, { tune, targets }: CompileSettings, parameters: readonly NamedParameter[]) {
    const { module } = run;
    checkTargets(targets ?? [], parameters);
    this.#run = run;
    this.#targets = targets;
    this.#newReplay = () => new StepReplay(`${module.constructor.name}.trainingStep`, tune);
    this.#replay = this.#newReplay();
    this.#usesIndex = usesParameter((module as { trainingStep: unknown }).trainingStep, 1);
  }

  /** Forgets what was recorded: other parameters are trained now. */
  reset(): void {
    this.#replay = this.#newReplay();
  }

  /**
   * Runs one step: its gradients are in the round's arena, its values logged.
   * @param record does so with the step's own code
   * @returns the loss
   */
  step(
    round: BoundRound,
    batch: Batch,
    index: number,
    random: Random,
    record: (random: Random) => tf.Scalar,
  ): number {
    const run = this.#run;
    if (!this.#compiles(round)) return read(record(random));
    const { tensors, guard } = leavesOf(batch, round.name);
    let recordedLoss: tf.Scalar | null = null;
    const replayed = this.#replay.run({
      guard,
      batch: tensors,
      arena: round.arena,
      random,
      boundary: index === 0,
      record: (lent) => {
        const before = run.store.logged.length;
        run.countersAsked = false;
        recordedLoss = record(lent);
        const logged = run.store.logged.slice(before);
        const scalars = logged.flatMap((call) => recordLogged(call, this.#calls));
        return { loss: recordedLoss, scalars };
      },
      objection: () => this.#objection(),
    });
    if (replayed === null) return read(recordedLoss);
    logReplayed(run, this.#calls, replayed.scalars);
    return replayed.loss;
  }

  #compiles({ arena }: BoundRound): boolean {
    if (this.#targets === null) return true;
    return this.#targets.some((target) =>
      arena.segments.some(({ name }) => isWithin(name, target)),
    );
  }

  #objection(): string | null {
    if (this.#usesIndex) return 'it uses batchIdx, which a replay would not see';
    if (!this.#run.countersAsked) return null;
    return 'it asks the trainer where training stands (globalStep, currentEpoch)';
  }
}

function isWithin(parameter: string, target: string): boolean {
  return parameter === target || parameter.startsWith(`${target}.`);
}

function checkTargets(targets: readonly string[], parameters: readonly NamedParameter[]): void {
  const names = parameters.map(({ name }) => name);
  const unknown = targets.find((target) => !names.some((name) => isWithin(name, target)));
  if (unknown === undefined) return;
  const known = [...new Set(names.map((name) => name.split('.')[0]))];
  throw new UsageError(
    'ERR_COMPILE_TARGET',
    `target_modules of CompileCallback: expected sub-modules with weights (${known.join(', ')}), got "${unknown}".${didYouMean(unknown, known)}`,
  );
}

function read(loss: tf.Scalar | null): number {
  if (loss === null) throw new Error('The step was neither recorded nor replayed.');
  const [value] = loss.dataSync();
  loss.dispose();
  return value;
}

/** The tensors of a batch in a fixed order, and everything else in it as text. */
function leavesOf(batch: Batch, round: string): { tensors: tf.Tensor[]; guard: string } {
  const tensors: tf.Tensor[] = [];
  let guard = round;
  const visit = (item: Batch): void => {
    if (item instanceof tf.Tensor) tensors.push(item as tf.Tensor);
    else if (Array.isArray(item)) item.forEach(visit);
    else if (isPlainObject(item)) {
      for (const [key, inner] of Object.entries(item)) {
        guard += `.${key}`;
        visit(inner);
      }
    } else guard += JSON.stringify(item) ?? typeof item;
  };
  visit(batch);
  return { tensors, guard };
}

/**
 * Whether the text of a method mentions its parameter at a position outside the list of them. Lists
 * that are too intricate to read count as mentioning it.
 */
function usesParameter(method: unknown, position: number): boolean {
  const text = String(method);
  const list = /^[^(]*\(([^()]*)\)/.exec(text);
  if (list === null) return true;
  const parameter = list[1].split(',').at(position)?.trim() ?? '';
  if (parameter === '') return false;
  const name = /^([\w$]+)(?:\s*=[^{[]*)?$/.exec(parameter)?.[1];
  if (name === undefined) return true;
  return new RegExp(`(?<![\\w$.])${name.replaceAll('$', '\\$')}(?![\\w$])`).test(
    text.slice(list[0].length),
  );
}
