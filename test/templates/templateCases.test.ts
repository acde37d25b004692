import { describe, expect, it } from '@jest/globals';
import { featureIds } from '../../generators/app/answers.ts';
import { modelNameProblem } from '../../generators/common/names.ts';
import { templateCases } from '../../scripts/templateCases.ts';

describe('the answers that templates are checked with', () => {
  const rows = templateCases.map(({ task, features, model }) => [
    task,
    ...featureIds.map((id) => String(features.includes(id))),
    String(model === 'net'),
  ]);

  it('hold every pair of values', () => {
    for (let a = 0; a < rows[0].length; a++) {
      for (let b = 0; b < a; b++) {
        const values = (column: number) => new Set(rows.map((row) => row[column])).size;
        const pairs = new Set(rows.map((row) => `${row[a]} ${row[b]}`));
        expect(pairs.size).toBe(values(a) * values(b));
      }
    }
  });

  it('use the longest name there can be', () => {
    const longest = templateCases.map(({ model }) => model).sort((x, y) => y.length - x.length)[0];
    expect(longest).toHaveLength(64);
    expect(modelNameProblem(longest)).toBeNull();
  });
});
