import { deepStrictEqual } from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { bestOf, type FrozenTrial, isFinished } from '../../runtime/src/hpo/index.ts';
import { Rng } from '../../runtime/src/random/rng.ts';
import { HeadlineProject } from './headlineProject.ts';
import { killWorker } from './killWorker.ts';
import { outcome } from './outcome.ts';

/** How large the experiment is. */
export interface HeadlineSize {
  readonly trials: number;
  /** Random searches of the same budget to compare with. */
  readonly randoms: number;
  readonly kills: number;
}

/** What the experiment came to. */
export interface HeadlineResult {
  /** Best validation accuracy of the search. */
  readonly best: number;
  /** Of each random search. */
  readonly random: readonly number[];
  readonly medianRandom: number;
  /** What the report says of both. */
  readonly compared: string;
  readonly minutes: { readonly search: number; readonly random: readonly number[] };
  /** What `npm run train` with best.yaml came to at the best trial's best update. */
  readonly trained: number;
  readonly kills: { readonly coordinator: number; readonly worker: number };
  /** Trials that went on from a checkpoint after a kill. */
  readonly resumed: number;
  /** The killed search has the numbers, parameters, reports and values of the other one. */
  readonly equal: boolean;
  readonly trials: { readonly complete: number; readonly pruned: number; readonly failed: number };
}

const budget = [
  ...['--trial-steps', '60', '--val-interval', '15 updates'],
  ...['--data.limit', '3840', '--data.val_size', '1000', '--data.batch_size', '32'],
  ...['--trainer.num_sanity_val_steps', '0'],
];

/**
 * The search of a generated project on real digits: against random searches of the same budget,
 * trained again from best.yaml, and killed at random moments. Called again in the same folder it
 * goes on where it was.
 */
export async function headline(folder: string, size: HeadlineSize): Promise<HeadlineResult> {
  const project = HeadlineProject.make(folder);
  const search = async (study: string, ...more: string[]): Promise<number> => {
    const begun = performance.now();
    await project.run('hpo', searchArgs(study, size.trials, more));
    const minutes = (performance.now() - begun) / 60_000;
    console.log(`${study}: ${minutes.toFixed(1)} min, best ${await bestValue(project, study)}`);
    return minutes;
  };
  const randomStudies = Array.from({ length: size.randoms }, (_, index) => `random-${index + 1}`);
  const randomMinutes: number[] = [];
  const searchMinutes = await search('tpe');
  const trained = await trainBest(project, size.trials);
  console.log(`best.yaml trains to ${trained}`);
  const kills = await killedSearch(project, size);
  console.log(`killed: ${JSON.stringify(kills)}`);
  for (const [index, study] of randomStudies.entries()) {
    // Not seed 0, with which they would begin with the same trials as the search.
    const seed = String(index + 1);
    randomMinutes.push(await search(study, '--sampler', 'random', '--seed', seed));
  }
  const compared = await compare(project, randomStudies);
  const trials = await project.trials('tpe');
  const killed = await project.trials('killed');
  expectNumbers(killed, size.trials);
  const random = await Promise.all(randomStudies.map((study) => bestValue(project, study)));
  const count = (state: FrozenTrial['state']): number =>
    trials.filter((trial) => trial.state === state).length;
  return {
    best: await bestValue(project, 'tpe'),
    random,
    medianRandom: median(random),
    compared,
    minutes: { search: searchMinutes, random: randomMinutes },
    trained,
    kills,
    resumed: project.resumptions('killed'),
    equal: isDeepStrictEqual(outcome(killed), outcome(trials)),
    trials: { complete: count('COMPLETE'), pruned: count('PRUNED'), failed: count('FAIL') },
  };
}

/** Writes the comparison into the report. @returns its line */
async function compare(project: HeadlineProject, studies: readonly string[]): Promise<string> {
  if (studies.length === 0) return '';
  const others = studies.flatMap((study) => ['--compare', study]);
  const output = await project.run('hpo', ['--report', '--study-name', 'tpe', ...others]);
  return /^Compared: .*$/m.exec(output)?.[0] ?? '';
}

function searchArgs(study: string, trials: number, more: readonly string[] = []): string[] {
  return ['--n-trials', String(trials), '--study-name', study, ...more, ...budget];
}

/** Pastes the command that the search printed, and reads the value at the best trial's update. */
async function trainBest(project: HeadlineProject, trials: number): Promise<number> {
  const output = await project.run('hpo', searchArgs('tpe', trials));
  const command = /^The best trial again.*: npm run train -- (.*)$/m.exec(output)?.[1];
  if (command === undefined) throw new Error(`no command to train the best trial:\n${output}`);
  const words = (command.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''));
  const name = `again-${Date.now()}`;
  await project.run('train', [...words, '--trainer.run_name', name]);
  const [version] = readdirSync(join(project.folder, 'runs', name));
  const path = join(project.folder, 'runs', name, version, 'metrics.jsonl');
  const best = bestOf(await project.trials('tpe'), 'maximize');
  const [step] = [...(best?.intermediateValues ?? [])].sort(([, a], [, b]) => b - a)[0];
  const rows = readFileSync(path, 'utf8').trim().split('\n');
  const values = rows
    .map((row) => JSON.parse(row) as { step: number; values: Record<string, number> })
    .filter((row) => row.step === step && Object.hasOwn(row.values, 'val/acc'));
  return values.at(0)?.values['val/acc'] ?? NaN;
}

/** Coordinator and worker by turns, at random moments; then on to the end. */
async function killedSearch(
  project: HeadlineProject,
  { trials, kills }: HeadlineSize,
): Promise<{ coordinator: number; worker: number }> {
  const counts = { coordinator: 0, worker: 0 };
  const random = Rng.fromSeed(0).fold('headline');
  const args = searchArgs('killed', trials);
  for (let round = 0; round < kills; round++) {
    const { child, end } = project.start('hpo', args);
    await sleep(3000 + random.fold('moment', round).int(9000));
    // Trials are short: by chance alone, kills may all come before a first checkpoint.
    if (round % 4 === 1) await untilSaved(project.studyFolder('killed'), child);
    if (round % 2 === 1 && killWorker(project.studyFolder('killed'))) {
      counts.worker++;
      await sleep(random.fold('after', round).int(5000));
    }
    if (child.exitCode === null && child.kill('SIGKILL')) counts.coordinator++;
    await end;
  }
  await project.run('hpo', args);
  return counts;
}

/** Until a trial under way has a checkpoint; gives up when the search ends. */
async function untilSaved(study: string, child: ChildProcess): Promise<void> {
  for (let waited = 0; waited < 20_000 && child.exitCode === null; waited += 20) {
    if (isSavedUnderWay(study)) return;
    await sleep(20);
  }
}

function isSavedUnderWay(study: string): boolean {
  const trials = readdirSync(study).filter((name) => name.startsWith('trial_'));
  const newest = trials.sort((a, b) => numberOf(b) - numberOf(a)).at(0);
  const log = join(study, newest ?? '', 'output.log');
  if (newest === undefined || !existsSync(log)) return false;
  const files = readdirSync(join(study, newest), { recursive: true, encoding: 'utf8' });
  const whole = files.some((file) => /checkpoints\/[^.][^/]*\.safetensors$/.test(file));
  return whole && !/^Training /m.test(readFileSync(log, 'utf8'));
}

function numberOf(trial: string): number {
  return Number(trial.replace('trial_', ''));
}

/** Exactly so many finished trials, none missing, none twice. */
function expectNumbers(trials: readonly FrozenTrial[], total: number): void {
  const finished = trials.filter((trial) => isFinished(trial.state)).map((trial) => trial.number);
  const expected = Array.from({ length: total }, (_, index) => index);
  deepStrictEqual(finished, expected);
}

async function bestValue(project: HeadlineProject, study: string): Promise<number> {
  return bestOf(await project.trials(study), 'maximize')?.values?.[0] ?? NaN;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
