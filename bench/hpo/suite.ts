import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../../runtime/src/errors.ts';
import { RandomSampler, TpeSampler } from '../../runtime/src/hpo/index.ts';
import { machineFacts } from '../machine.ts';
import { type Report, verdict } from '../report.ts';
import { Peer, type Request } from '../step/peer.ts';
import type { Suite } from '../suite.ts';
import { best, journal, memory, suggest } from './contestants.ts';
import { mannWhitney } from './mannWhitney.ts';
import { type ProblemName, problems } from './problems.ts';

type Ask = (request: object) => Promise<number[]>;

const cases = ['suggest', 'memory', 'journal', 'best'] as const;

/**
 * Searches against Optuna: time of a suggestion, trials a minute over the journal, and the best
 * value found, of as many seeds as `--rounds` says (default 15; 100 for a claim).
 */
export const hpoSuite: Suite = async (report, { cases: wanted, rounds, python }) => {
  report.machine(machineFacts());
  const unknown = wanted.find((name) => !(cases as readonly string[]).includes(name));
  if (unknown !== undefined) {
    const message = `--case: expected one of ${cases.join(', ')}, got "${unknown}".`;
    throw new UsageError('ERR_BENCH_CASE', message);
  }
  if (python === undefined) report.note('Optuna was not measured: set LIGHTBOX_BENCH_PYTHON');
  const script = fileURLToPath(new URL('../python/hpo.py', import.meta.url));
  const peer = python === undefined ? undefined : new Peer(python, [script]);
  // The requests are this suite's own; lines of JSON are all the peer carries.
  const ask = peer && (async (request: object) => (await peer.ask(request as Request)).ms);
  const has = (name: string): boolean => wanted.length === 0 || wanted.includes(name);
  try {
    if (has('suggest')) await runSuggest(report, ask);
    if (has('memory')) await runMemory(report, rounds === undefined ? 10_000 : 1000 * rounds);
    if (has('journal')) await runJournal(report, ask, rounds ?? 3);
    if (has('best')) await runBest(report, ask, rounds ?? 15);
  } finally {
    peer?.close();
  }
};

async function runSuggest(report: Report, ask: Ask | undefined): Promise<void> {
  await suggest(300, 5, 200);
  for (const size of [5, 20]) {
    for (const trials of [100, 1000, 10_000]) {
      const name = `suggest-${String(size)}d-${String(trials)}`;
      const asks = trials > 1000 ? 10 : 40;
      report.measure(name, 'lightbox', 'ms', await suggest(trials, size, asks));
      if (ask === undefined) continue;
      report.measure(name, 'optuna', 'ms', await ask({ do: 'suggest', trials, size, asks }));
      report.compare(name, 'optuna', 'lightbox');
      if (trials !== 1000) continue;
      const [ours, theirs] = ['lightbox', 'optuna'].map((one) => report.find(name, one)?.median);
      const met = (theirs ?? 0) >= 10 * (ours ?? Infinity);
      report.note(`target 10 times as fast as Optuna: ${verdict(met)}`, { case: name });
    }
  }
}

/** What stays after many suggestions must be little more than the history itself. */
async function runMemory(report: Report, trials: number): Promise<void> {
  // Collected before each look, or what is no longer needed would count.
  setFlagsFromString('--expose-gc');
  globalThis.gc ??= runInNewContext('gc') as typeof gc;
  const name = `memory-${String(trials)}`;
  const history = await memory(new RandomSampler(), trials, 5);
  const ours = await memory(new TpeSampler(), trials, 5);
  report.measure(name, 'history', 'bytes a trial', [history]);
  report.measure(name, 'lightbox', 'bytes a trial', [ours]);
  const met = ours <= 2 * history;
  report.note(`target at most twice the history alone: ${verdict(met)}`, { case: name });
}

async function runJournal(report: Report, ask: Ask | undefined, rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lightbox-bench-'));
  const trials = 1000;
  const ours: number[] = [];
  const theirs: number[] = [];
  try {
    await journal(50, join(folder, 'warm.journal'));
    if (ask !== undefined)
      await ask({ do: 'journal', trials: 50, path: join(folder, 'warm.optuna') });
    for (let round = 0; round < rounds; round++) {
      const path = join(folder, String(round));
      ours.push((60 * trials) / (await journal(trials, `${path}.journal`)));
      if (ask === undefined) continue;
      const [seconds] = await ask({ do: 'journal', trials, path: `${path}.optuna` });
      theirs.push((60 * trials) / seconds);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  report.measure('journal', 'lightbox', 'trials a minute', ours);
  if (theirs.length === 0) return;
  report.measure('journal', 'optuna', 'trials a minute', theirs);
  report.compare('journal', 'lightbox', 'optuna');
  const [a, b] = ['lightbox', 'optuna'].map((one) => report.find('journal', one)?.median ?? NaN);
  report.note(`target 5 times Optuna's: ${verdict(a >= 5 * b)}`, { case: 'journal' });
}

async function runBest(report: Report, ask: Ask | undefined, seeds: number): Promise<void> {
  for (const problem of Object.keys(problems) as ProblemName[]) {
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let seed = 0; seed < seeds; seed++) {
      ours.push(await best(problem, 100, seed));
      if (ask !== undefined)
        theirs.push(...(await ask({ do: 'best', problem, trials: 100, seed })));
    }
    report.measure(problem, 'lightbox', 'best of 100', ours);
    if (theirs.length === 0) continue;
    report.measure(problem, 'optuna', 'best of 100', theirs);
    const p = mannWhitney(ours, theirs);
    const note = `not worse than Optuna (Mann-Whitney p ${p.toFixed(3)}): ${verdict(p > 0.05)}`;
    report.note(note, { case: problem });
  }
}
