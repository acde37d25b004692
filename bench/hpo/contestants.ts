import {
  floatDistribution,
  JournalStorage,
  type Sampler,
  Study,
} from '../../runtime/src/hpo/index.ts';
import { Rng } from '../../runtime/src/random/rng.ts';
import { problems, type ProblemName } from './problems.ts';

/** Milliseconds of each ask, `size` suggestions and tell after `trials` finished trials. */
export async function suggest(trials: number, size: number, asks: number): Promise<number[]> {
  const rng = Rng.fromSeed(1);
  const study = await Study.create();
  const names = Array.from({ length: size }, (_, axis) => `x${axis}`);
  for (let count = 0; count < trials; count++) {
    const distribution = floatDistribution(0, 1);
    const params = names.map((name) => ({ name, internal: rng.uniform(), distribution }));
    await study.addTrial({ state: 'COMPLETE', values: [rng.uniform()], params });
  }
  const times: number[] = [];
  for (let count = 0; count < asks; count++) {
    const start = performance.now();
    const trial = await study.ask();
    for (const name of names) trial.suggestFloat(name, 0, 1);
    await study.tell(trial, rng.uniform());
    times.push(performance.now() - start);
  }
  return times;
}

/** Bytes of the process that each of `trials` finished trials with `size` parameters takes. */
export async function memory(sampler: Sampler, trials: number, size: number): Promise<number> {
  const names = Array.from({ length: size }, (_, axis) => `x${axis}`);
  const before = used();
  const study = await Study.create({ sampler });
  await study.optimize(
    (trial) => names.reduce((sum, name) => sum + (trial.suggestFloat(name, 0, 1) - 0.3) ** 2, 0),
    trials,
  );
  const bytes = (used() - before) / trials;
  // Still in use up to here.
  await study.trials();
  return bytes;
}

function used(): number {
  // Buffers go with the second collection.
  for (let round = 0; round < 3; round++) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Seconds that `trials` trials of a 1-ms objective take, each acknowledged by the journal. */
export async function journal(trials: number, path: string): Promise<number> {
  const storage = new JournalStorage(path);
  const study = await Study.create({ storage });
  const start = performance.now();
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  await study.optimize((trial) => {
    const point = [0, 1, 2, 3, 4].map((axis) => trial.suggestFloat(`x${axis}`, 0, 1));
    // As Python's time.sleep does: a timer would fire up to another millisecond later.
    Atomics.wait(nothing, 0, 0, 1);
    return point.reduce((sum, value) => sum + (value - 0.3) ** 2, 0);
  }, trials);
  const seconds = (performance.now() - start) / 1000;
  await storage.close();
  return seconds;
}

/** The best value after `trials` trials. */
export async function best(problem: ProblemName, trials: number, seed: number): Promise<number> {
  const study = await Study.create({ seed });
  await study.optimize(problems[problem], trials);
  return (await study.bestTrial())?.values?.[0] ?? NaN;
}
