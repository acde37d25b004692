import { describe, expect, it } from '@jest/globals';
import { Study, trialsTable } from '../../../runtime/src/hpo/index.ts';
import { durationOf } from '../../../runtime/src/hpo/trialsTable.ts';
import { csvText } from '../../../runtime/src/tuning/report/csvText.ts';

describe('the table of trials', () => {
  it('has the columns of Optuna, the same in every row', async () => {
    const study = await Study.create();
    const trial = await study.ask();
    trial.suggestFloat('rate', 0, 1);
    await study.tell(trial, 2, { userAttrs: { note: 'a "b",\nc' } });
    const other = await study.ask();
    other.suggestCategorical('act', ['relu']);
    await study.tell(other, undefined, { state: 'FAIL' });
    await study.ask();
    const rows = await trialsTable(study);
    expect(Object.keys(rows[0])).toEqual([
      'number',
      'value',
      'datetime_start',
      'datetime_complete',
      'duration',
      'params_act',
      'params_rate',
      'user_attrs_note',
      'state',
    ]);
    for (const row of rows) expect(Object.keys(row)).toEqual(Object.keys(rows[0]));
    expect(rows[0]).toMatchObject({ number: 0, value: 2, params_act: null, state: 'COMPLETE' });
    expect(rows[1]).toMatchObject({ value: null, params_act: 'relu', state: 'FAIL' });
    expect(rows[2]).toMatchObject({ duration: null, datetime_complete: null, state: 'RUNNING' });
    const lines = csvText(rows).split('\r\n');
    expect(lines[0]).toBe(Object.keys(rows[0]).join(','));
    expect(lines[1]).toMatch(/^0,2,20.*,0\.0\d*,,0\.\d+,"a ""b"",\nc",COMPLETE$/);
    expect(lines[3]).toMatch(/^2,,20[^,]*,,,,,,RUNNING$/);
  });

  it('has a column for each of several objectives', async () => {
    const study = await Study.create({ directions: ['minimize', 'maximize'] });
    await study.addTrial({ state: 'COMPLETE', values: [1, 2] });
    expect(await trialsTable(study)).toMatchObject([{ values_0: 1, values_1: 2 }]);
    expect(csvText([])).toBe('\r\n');
  });

  it('has durations to the microsecond', async () => {
    const study = await Study.create();
    const trial = await study.addTrial({ state: 'COMPLETE', values: [1] });
    const datetimeStart = '2026-11-22T21:23:51.999900+00:00';
    const datetimeComplete = '2026-11-22T21:23:53.000150+00:00';
    expect(durationOf({ ...trial, datetimeStart, datetimeComplete })).toBe(1.00025);
  });
});
