import { describe, expect, it } from '@jest/globals';
import { hpoHelp, parseHpoFlags } from '../../../runtime/src/tuning/hpoFlags.ts';
import { timeText } from '../../../runtime/src/tuning/timeText.ts';

describe('flags of a search', () => {
  it('have defaults', () => {
    expect(parseHpoFlags([])).toEqual({
      compare: [],
      exportTo: null,
      report: false,
      nTrials: null,
      more: null,
      studyName: null,
      storage: null,
      sampler: null,
      pruner: null,
      seed: null,
      trialSteps: null,
      scaleSchedules: false,
      valInterval: null,
      testMode: false,
      timeoutMs: null,
      trialTimeoutMs: null,
      gracePeriodMs: 60_000,
      resumeFrom: null,
      render: null,
      hosts: 4,
      workers: 1,
      configFiles: [],
      overrides: [],
      help: false,
    });
  });

  it('are read in both spellings, with overrides in order', () => {
    const text =
      '--n-trials=20 --study-name s --storage /tmp/j --seed 0 --trial-steps 300 --test-mode ' +
      '--workers 2 --config a.yaml --trainer.max_epochs 5 --config=b.yaml --data.delay_ms=-1 ' +
      '--trainer.callbacks+={} --pruner none --trial-timeout=1.5';
    expect(
      parseHpoFlags([...text.split(' '), '--timeout', '2 hours', '--val-interval', '25%']),
    ).toMatchObject({
      nTrials: 20,
      studyName: 's',
      storage: '/tmp/j',
      seed: 0,
      trialSteps: 300,
      valInterval: '25%',
      testMode: true,
      timeoutMs: 7_200_000,
      trialTimeoutMs: 1500,
      workers: 2,
      pruner: 'none',
      configFiles: ['a.yaml', 'b.yaml'],
      overrides: ['trainer.max_epochs=5', 'data.delay_ms=-1', 'trainer.callbacks+={}'],
    });
  });

  it.each([
    ['--trials 5', 'unknown flag --trials. Did you mean "--'],
    ['--n_trials 5', 'unknown flag --n_trials. Did you mean "--n-trials"?'],
    ['go', 'unexpected "go"; flags begin with --'],
    ['--n-trials', '--n-trials expects N'],
    ['--n-trials --seed 1', '--n-trials expects N'],
    ['--n-trials 0', 'expects a whole number from 1, got "0"'],
    ['--workers 1.5', 'expects a whole number from 1, got "1.5"'],
    ['--seed -1', 'expects a whole number from 0'],
    ['--n-trials 5 --more 1', 'give one of them'],
    ['--test-mode=yes', '--test-mode takes no value'],
    ['--scale-schedules', '--trial-steps, which is missing'],
    ['--val-interval often', '--val-interval: expected an amount with a unit'],
    ['--timeout soon', '--timeout expects a time such as 90'],
    ['--timeout 0', '--timeout expects a time'],
    ['--trainer.max_epochs', '--trainer.max_epochs expects VALUE'],
  ])('%s is refused', (text, message) => {
    expect(() => parseHpoFlags(text.split(' '))).toThrow(message);
  });

  it('are all in the help', () => {
    const help = hpoHelp().join('\n');
    for (const flag of ['--n-trials N', '--more K', '--trial-timeout TIME', '--config FILE']) {
      expect(help).toContain(flag);
    }
  });
});

describe('times', () => {
  it.each([
    [0.04, '0.0 s'],
    [59.94, '59.9 s'],
    [65, '1 min 05 s'],
    [3600, '1 h 00 min'],
    [7500, '2 h 05 min'],
  ])('%p seconds are %s', (seconds, text) => {
    expect(timeText(seconds)).toBe(text);
  });
});
