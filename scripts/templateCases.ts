import { featureIds, taskIds, type Answers } from '../generators/app/answers.ts';

/** The longest name of a model: lines with it must not need another format. */
const longModel = `long-${'name'.repeat(14)}-of`;

const rows = [
  [0, 0, 0, 0, 0],
  [1, 1, 1, 1, 1],
  [1, 1, 1, 0, 0],
  [1, 0, 0, 1, 1],
  [0, 1, 0, 1, 0],
  [0, 0, 1, 0, 1],
  [2, 0, 0, 0, 1],
  [2, 1, 1, 1, 0],
  [3, 1, 1, 0, 1],
  [3, 0, 0, 1, 0],
  [4, 1, 0, 1, 1],
  [4, 0, 1, 0, 0],
  [5, 0, 0, 0, 0],
  [5, 1, 1, 1, 1],
] as const;

/** Answers that hold every pair of values of task, features and kind of name in one of them. */
export const templateCases: readonly Answers[] = rows.map(([task, ...others], index) => {
  const longNamed = others[featureIds.length] === 1;
  return {
    name: `case-${String(index)}`,
    model: longNamed ? longModel : 'net',
    task: taskIds[task],
    features: featureIds.filter((_, position) => others[position] === 1),
    author: "An O'Author",
    description: 'With "quotes", a #hash and a: colon',
  };
});
