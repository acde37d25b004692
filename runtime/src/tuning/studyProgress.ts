import type { Terminal } from '../core/ports.ts';
import type { FrozenTrial } from '../hpo/frozenTrial.ts';
import type { ConfigPatch } from '../hpo/searchSpace.ts';
import { type Direction, isBetter, isFinished } from '../hpo/trialState.ts';
import { failureText, type TrialFailure } from './failure.ts';
import { timeText } from './timeText.ts';
import { reasonOf, secondsOf } from './trialRecord.ts';
import { shortNumber } from '../hpo/shortNumber.ts';
import { shortValue } from './trialText.ts';

interface RunningTrial {
  readonly patch: ConfigPatch;
  readonly began: number;
  step: number;
  value: number | undefined;
}

/**
 * The search on the terminal: a line for each trial that ends, below them the running trials and
 * the best so far where lines can be rewritten.
 */
export class StudyProgress {
  readonly #terminal: Terminal;
  readonly #total: number;
  readonly #monitor: string;
  readonly #direction: Direction;
  readonly #running = new Map<number, RunningTrial>();
  readonly #begun = performance.now();
  #finished: number;
  #note: string | null = null;
  readonly #finishedBefore: number;
  #best: { number: number; value: number } | undefined;

  constructor(
    terminal: Terminal,
    options: {
      total: number;
      monitor: string;
      direction: Direction;
      trials: readonly FrozenTrial[];
    },
  ) {
    this.#terminal = terminal;
    this.#total = options.total;
    this.#monitor = options.monitor;
    this.#direction = options.direction;
    const done = options.trials.filter(({ state }) => isFinished(state));
    this.#finished = done.length;
    this.#finishedBefore = done.length;
    for (const trial of options.trials) this.#remember(trial);
  }

  started(number: number, patch: ConfigPatch, resumed: boolean): void {
    const began = performance.now();
    this.#running.set(number, { patch, began, step: 0, value: undefined });
    if (resumed) this.#terminal.line(`trial ${number} was interrupted and is continued`);
    this.#draw();
  }

  /** The trial failed and is tried again from its checkpoint. */
  retried(number: number, failure: TrialFailure, retry: number, allowed: number): void {
    const [why] = failureText(failure).split('\n');
    this.#terminal.line(
      `trial ${number}: ${why.slice(0, 160)}; continued (${retry} of ${allowed})`,
    );
    this.#draw();
  }

  /** The trial does not run here any more, without being finished. */
  left(number: number, lost: boolean): void {
    this.#running.delete(number);
    if (lost) this.#terminal.line(`trial ${number} was taken over by another worker`);
    this.#draw();
  }

  /** What the study holds now, with what other machines have added. */
  seen(trials: readonly FrozenTrial[]): void {
    const finished = trials.filter((trial) => isFinished(trial.state)).length;
    this.#finished = Math.max(finished, this.#finished);
    for (const trial of trials) this.#remember(trial);
    this.#draw();
  }

  /** A line that stays below the running trials, such as that the search is paused. */
  note(text: string | null): void {
    this.#note = text;
    this.#draw();
  }

  reported(number: number, value: number, step: number): void {
    const trial = this.#running.get(number);
    if (trial !== undefined) Object.assign(trial, { value, step });
    this.#draw();
  }

  ended(trial: FrozenTrial): void {
    this.#running.delete(trial.number);
    this.#finished++;
    this.#remember(trial);
    const value = trial.values?.[0];
    const seconds = secondsOf(trial);
    const parts = [
      `trial ${String(trial.number).padEnd(4)}`,
      trial.state.padEnd(8),
      (value === undefined ? '' : shortNumber(value)).padEnd(11),
      (seconds === null ? '' : timeText(seconds)).padStart(9),
      `  ${paramsText(trial.params)}`,
      reasonText(trial),
    ];
    this.#terminal.line(parts.join(' ').trimEnd());
    if (!this.#terminal.isTTY) this.#terminal.line(`  ${this.#summary()}`);
    this.#draw();
  }

  /** Removes the live lines. */
  finish(): void {
    this.#terminal.live(null);
  }

  #draw(): void {
    if (!this.#terminal.isTTY) return;
    const rows = [...this.#running].map(([number, { patch, began, step, value }]) => {
      const state = value === undefined ? 'starting' : `${shortNumber(value)} at update ${step}`;
      const time = timeText((performance.now() - began) / 1000);
      return `  trial ${number}: ${state}, ${time}  ${paramsText(patch)}`;
    });
    const fit = (line: string): string => line.slice(0, Math.max(20, this.#terminal.columns - 1));
    const last = this.#note === null ? [] : [this.#note];
    this.#terminal.live([...rows, this.#summary(), ...last].map(fit));
  }

  #summary(): string {
    const best =
      this.#best === undefined
        ? 'no complete trial yet'
        : `best ${this.#monitor} ${shortNumber(this.#best.value)} (trial ${this.#best.number})`;
    return `${this.#finished}/${this.#total} trials, ${best}${this.#remaining()}`;
  }

  #remaining(): string {
    const done = this.#finished - this.#finishedBefore;
    const left = this.#total - this.#finished;
    if (done === 0 || left <= 0) return '';
    const seconds = (performance.now() - this.#begun) / 1000;
    return `, about ${timeText((seconds / done) * left)} left`;
  }

  #remember(trial: FrozenTrial): void {
    const value = trial.values?.[0];
    if (trial.state !== 'COMPLETE' || value === undefined) return;
    if (this.#best === undefined || isBetter(this.#direction, value, this.#best.value)) {
      this.#best = { number: trial.number, value };
    }
  }
}

function paramsText(params: Readonly<Record<string, unknown>>): string {
  return Object.entries(params)
    .map(([name, value]) => `${name.split('.').at(-1) ?? name}=${shortValue(value)}`)
    .join(' ');
}

function reasonText(trial: FrozenTrial): string {
  const [first] = reasonOf(trial).split('\n');
  return first === '' ? '' : `(${first.slice(0, 160)})`;
}
