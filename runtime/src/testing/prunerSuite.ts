import type { Pruner } from '../hpo/pruners/pruner.ts';
import { Study } from '../hpo/study.ts';
import type { Trial } from '../hpo/trial.ts';
import type { Direction } from '../hpo/trialState.ts';
import { assertEqual, type TestApi } from './testApi.ts';

/**
 * What every pruner must do; give it your test runner's `describe` and `it`.
 * @param create a fresh pruner with its default options
 */
export function prunerSuite(api: TestApi, name: string, create: () => Pruner): void {
  api.describe(`pruner contract: ${name}`, () => {
    for (const direction of ['minimize', 'maximize'] as const) {
      api.it(`never prunes a trial that is the best at every step (${direction})`, async () => {
        const study = await history(create(), direction);
        const trial = await study.ask();
        const decisions = await report(
          trial,
          [0, 1, 2, 3],
          direction === 'minimize' ? -1000 : 1000,
        );
        assertEqual(decisions, [false, false, false, false]);
      });
    }
    api.it('decides the same when asked again, and gives a reason', async () => {
      const study = await history(create(), 'minimize');
      const trial = await study.ask();
      await trial.report(500, 2);
      const first = await trial.pruneDecision();
      assertEqual(await trial.pruneDecision(), first);
      assertEqual(first.reason.length > 0, true);
    });
    api.it('lets the first trial of a study run', async () => {
      const study = await Study.create({ pruner: create() });
      assertEqual(await report(await study.ask(), [0, 1, 2], 7), [false, false, false]);
    });
    api.it('lets a trial run that has reported nothing', async () => {
      const study = await history(create(), 'minimize');
      assertEqual(await (await study.ask()).shouldPrune(), false);
    });
    api.it('takes NaN, infinities and steps out of order', async () => {
      const study = await history(create(), 'minimize');
      const trial = await study.ask();
      for (const [step, value] of [
        [5, NaN],
        [1, Infinity],
        [3, -Infinity],
        [0, 1],
      ] as const) {
        await trial.report(value, step);
        await trial.shouldPrune();
      }
    });
  });
}

async function report(trial: Trial, steps: readonly number[], value: number): Promise<boolean[]> {
  const decisions: boolean[] = [];
  for (const step of steps) {
    await trial.report(value, step);
    decisions.push(await trial.shouldPrune());
  }
  return decisions;
}

/** Twelve trials of all kinds with reports at steps 0 to 3. */
async function history(pruner: Pruner, direction: Direction): Promise<Study> {
  const study = await Study.create({ pruner, directions: [direction] });
  for (let number = 0; number < 12; number++) {
    const trial = await study.ask();
    for (let step = 0; step < 4; step++) {
      await trial.report(number === 4 && step === 1 ? NaN : number + 1 / (step + 1), step);
    }
    if (number % 4 === 3) await study.tell(trial, undefined, { state: 'PRUNED' });
    else await study.tell(trial, number);
  }
  return study;
}
