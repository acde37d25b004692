import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { messageOf, UsageError } from '../../runtime/src/errors.ts';
import { machineFacts } from '../machine.ts';
import { median, type Report } from '../report.ts';
import type { Suite } from '../suite.ts';
import { measureGrowth, measureShapes, measureTurns } from './growth.ts';
import { nodePeer, pythonContestants, stepsPerBurst, type Contestant } from './contestants.ts';
import { measurePeak } from './peak.ts';
import { cases, type CaseName } from './workload.ts';

const unit = 'ms a step';

/** A subject that has used this much is measured no further: the slow ones have few samples. */
const budgetMs = 15_000;

/** How long the single step of the slowest subject may take. */
const patienceMs = 120_000;

/** Subjects that get a few samples, and those of which one step must do. */
const slowSubjects: Record<CaseName, readonly string[]> = {
  mlp: ['tfjs-wasm', 'tfjs-cpu'],
  cnn: ['tfjs-wasm'],
  gpt: ['tfjs-wasm'],
  lstm: [],
};
const slowestSubject: Partial<Record<CaseName, string>> = { cnn: 'tfjs-cpu', lstm: 'tfjs-wasm' };

/** Optimizer steps (forward, backward, Adam, loss read) of each case, side by side. */
export const stepSuite: Suite = async (report, options) => {
  const { cases: wanted, subjects, rounds = 12, python } = options;
  const names = chosen(wanted);
  report.machine({ ...machineFacts(), ...versions() });
  if (python === undefined) {
    report.note('LIGHTBOX_BENCH_PYTHON names no interpreter with torch: no pytorch rows', {
      subject: 'pytorch',
    });
  }
  const chosenSubject = (subject: string): boolean =>
    subjects.length === 0 || subjects.some((start) => subject.startsWith(start));
  for (const name of names) await runCase(report, name, rounds, python, chosenSubject);
  await measurePeak(report, names);
  if (subjects.length > 0) return;
  await measureGrowth(report);
  await measureShapes(report);
  await measureTurns(report);
};

async function runCase(
  report: Report,
  name: CaseName,
  rounds: number,
  python: string | undefined,
  isWanted: (subject: string) => boolean,
): Promise<void> {
  const fast = ['ort-default', 'ort-default-1t', 'ort-replay', 'ort-replay-1t', 'ort-autotune'];
  const slow = slowSubjects[name];
  const contestants = [
    ...fast.filter(isWanted).map((subject) => nodePeer(subject, stepsPerBurst[name], true)),
    ...pythonContestants(python, name, isWanted),
  ];
  const slowOnes = slow.filter(isWanted).map((subject) => nodePeer(subject, 2));
  try {
    const ready = await prepareAll(report, name, contestants);
    await takeTurns(ready, rounds);
    // By themselves: their seconds would let the caches and cores of the fast ones go cold.
    const readySlow = await prepareAll(report, name, slowOnes);
    await takeTurns(readySlow, rounds);
    summarise(report, name, [...ready, ...readySlow]);
  } finally {
    for (const { peer } of [...contestants, ...slowOnes]) peer.close();
  }
  report.compare(name, 'ort-replay', 'pytorch');
  report.compare(name, 'ort-default', 'pytorch');
  report.compare(name, 'ort-default', 'ort-replay');
  report.compare(name, 'ort-autotune', 'ort-replay');
  const slowest = slowestSubject[name];
  if (slowest !== undefined && isWanted(slowest)) await oneSlowStep(report, name, slowest);
  report.compare(name, 'ort-default', 'tfjs-wasm');
  report.compare(name, 'ort-default', 'tfjs-cpu');
}

async function takeTurns(contestants: readonly Contestant[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const contestant of contestants) {
      if (total(contestant.samples) > budgetMs) continue;
      await contestant.burst();
      // Thread pools spin for a while after their last product; the next subject must not pay.
      await sleep(30);
    }
  }
}

/** Builds every subject and warms it up; those that cannot do the case are noted and left out. */
async function prepareAll(
  report: Report,
  name: CaseName,
  contestants: readonly Contestant[],
): Promise<Contestant[]> {
  const ready: Contestant[] = [];
  for (const contestant of contestants) {
    try {
      await contestant.prepare(name);
      ready.push(contestant);
    } catch (error) {
      report.note(`no figures: ${messageOf(error).split('\n')[0]}`, {
        case: name,
        subject: contestant.subject,
      });
    }
  }
  return ready;
}

function summarise(report: Report, name: CaseName, ready: readonly Contestant[]): void {
  for (const { subject, samples } of ready) report.measure(name, subject, unit, samples);
  const best = ready
    .filter(({ subject }) => subject.startsWith('pytorch-'))
    .toSorted((a, b) => middle(a.samples) - middle(b.samples))
    .at(0);
  if (best !== undefined) {
    report.measure(name, 'pytorch', unit, best.samples);
    report.note(`best variant: ${best.subject}`, { case: name, subject: 'pytorch' });
  }
  for (const { subject, firstStepMs, peakMb } of ready) {
    if (!['ort-default', 'ort-replay', best?.subject].includes(subject)) continue;
    report.measure(`${name}-first-step`, subject, 'ms', [firstStepMs]);
    if (peakMb > 0) report.measure(`${name}-peak-memory`, subject, 'MB', [peakMb]);
  }
  const losses = ready.map(({ subject, warmLoss }) => `${subject} ${warmLoss.toFixed(4)}`);
  report.note(`loss after 8 updates: ${losses.join(', ')}`, { case: name });
}

/** Some networks take many seconds a step on tfjs's own back ends, or minutes. */
async function oneSlowStep(report: Report, name: CaseName, subject: string): Promise<void> {
  const contestant = nodePeer(subject, 1);
  try {
    await contestant.peer.ask({ do: 'prepare', case: name });
    const stop = new AbortController();
    const step = contestant.peer.ask({ do: 'run', steps: 1 });
    const late = sleep(patienceMs, undefined, { signal: stop.signal, ref: false });
    const done = await Promise.race([step, late]);
    stop.abort();
    late.catch(() => undefined);
    const about = { case: name, subject };
    if (done === undefined) {
      step.catch(() => undefined);
      report.note(`no figure: one step takes more than ${String(patienceMs / 1000)} s`, about);
      return;
    }
    report.measure(name, subject, unit, done.ms);
    report.note('one step, without warm-up', about);
  } finally {
    contestant.peer.close();
  }
}

function chosen(wanted: readonly string[]): CaseName[] {
  const all = Object.keys(cases) as CaseName[];
  const unknown = wanted.find((name) => !all.includes(name as CaseName));
  if (unknown !== undefined) {
    throw new UsageError(
      'ERR_BENCH_CASE',
      `--case: expected one of ${all.join(', ')}, got "${unknown}".`,
    );
  }
  return wanted.length === 0 ? all : (wanted as CaseName[]);
}

function total(samples: readonly number[]): number {
  return samples.reduce((sum, sample) => sum + sample, 0);
}

function middle(samples: readonly number[]): number {
  return median(samples.toSorted((a, b) => a - b));
}

function versions(): Record<string, string> {
  const found = ['onnxruntime-node', '@tensorflow/tfjs-core'].map((name) => {
    const path = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
    const { version } = JSON.parse(readFileSync(fileURLToPath(path), 'utf8')) as {
      version: string;
    };
    return [name, version];
  });
  return Object.fromEntries(found) as Record<string, string>;
}
