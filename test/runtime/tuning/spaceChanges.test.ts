import { describe, expect, it } from '@jest/globals';
import { FixedTrial, Study, type TrialLike } from '../../../runtime/src/hpo/index.ts';
import { spaceChanges } from '../../../runtime/src/tuning/spaceChanges.ts';

/** The differences between what two trials had and what a third one would be suggested. */
async function changes(
  before: readonly ((trial: TrialLike) => unknown)[],
  now: (trial: TrialLike) => unknown,
): Promise<string[]> {
  const study = await Study.create();
  for (const space of before) {
    const trial = await study.ask();
    space(trial);
    await study.tell(trial, 1);
  }
  const middle = new FixedTrial();
  now(middle);
  return spaceChanges('net', await study.trials(), middle.distributions);
}

const rate = (high: number) => (trial: TrialLike) => trial.suggestFloat('rate', 1e-4, high);
const rateAndUnits = (trial: TrialLike) => [
  rate(1e-2)(trial),
  trial.suggestCategorical('units', [32, 64]),
];

describe('a search space that is not that of the study', () => {
  it('is none when nothing changed, or nothing is there', async () => {
    expect(await changes([], rate(1e-2))).toEqual([]);
    expect(await changes([rateAndUnits], rateAndUnits)).toEqual([]);
  });

  it('is shown, parameter by parameter', async () => {
    expect(await changes([rate(1e-2), rate(1e-2)], rate(1e-1))).toEqual([
      '  rate: float [0.0001, 0.01] -> float [0.0001, 0.1]',
    ]);
    expect(await changes([rate(1e-2)], rateAndUnits)).toEqual([
      expect.stringMatching(/^ {2}units: not there -> /),
    ]);
    expect(await changes([rateAndUnits], rate(1e-2))).toEqual([
      expect.stringMatching(/^ {2}units: .* -> not there$/),
    ]);
  });

  it('may lack what depends on other parameters', async () => {
    expect(await changes([rateAndUnits, rate(1e-2)], rate(1e-2))).toEqual([]);
  });

  it('is refused with all differences when the study cannot take one', async () => {
    const other = (trial: TrialLike) => [
      rate(1e-1)(trial),
      trial.suggestCategorical('units', [32, 128]),
    ];
    await expect(changes([rateAndUnits], other)).rejects.toThrow(
      /is not that of study "net"[^]*rate: float[^]*units: .*64.*128[^]*--study-name NAME/,
    );
  });
});
