import { describe, expect, it } from '@jest/globals';
import { collectAnswers, type Prompter } from '../../generators/app/collectAnswers.ts';
import { parseArguments } from '../../generators/app/parseArguments.ts';

const asked: string[] = [];
const replies: Record<string, unknown> = { name: 'asked', task: 'tabular-regression' };
const prompter: Prompter = (answer, initial) => {
  asked.push(`${answer} ${String(initial)}`);
  return Promise.resolve(replies[answer] ?? initial);
};

const flags = (...argv: string[]) => parseArguments(argv);

describe('collectAnswers', () => {
  it('asks only what is missing, with fitting suggestions', async () => {
    asked.length = 0;
    const answers = await collectAnswers(flags('--name', 'x', '--no-hpo'), null, {
      from: 'prompts',
      prompter,
    });
    expect(asked).toEqual(['task image-classification', 'model mileage', 'features compile']);
    expect(answers).toMatchObject({ name: 'x', task: 'tabular-regression', features: ['compile'] });
  });

  it('checks replies, whatever the front end let through', async () => {
    const evil: Prompter = () => Promise.resolve('../x');
    await expect(
      collectAnswers(flags(), null, { from: 'prompts', prompter: evil }),
    ).rejects.toThrow('"../x" is a path');
  });

  it('takes flags before the answers file before defaults', async () => {
    const file = { content: { name: 'file', model: 'm1', features: ['hpo'] }, origin: 'a.json' };
    const answers = await collectAnswers(flags('flag', '--compile'), file, { from: 'defaults' });
    expect(answers).toEqual({
      name: 'flag',
      model: 'm1',
      task: 'image-classification',
      features: ['hpo', 'compile'],
      author: '',
      description: '',
    });
  });

  it.each([
    [[], '--name is missing'],
    [['x'], '--task is missing'],
    [['x', '--task', 'tabular-regression'], '--model is missing'],
    [['x', '--task', 'tabular-regression', '--model', 'm'], '--features is missing'],
    [['x', '--task', 'tabular-regression', '--model', 'm', '--hpo'], '--features is missing'],
  ])('names the missing flag when nobody can be asked: %j', async (argv, message) => {
    await expect(collectAnswers(flags(...argv), null, { from: 'nobody' })).rejects.toThrow(
      expect.objectContaining({
        code: 'ERR_ANSWER_MISSING',
        message: expect.stringContaining(message),
      }),
    );
  });

  it('needs a name even with --yes', async () => {
    await expect(collectAnswers(flags(), null, { from: 'defaults' })).rejects.toThrow('--name');
  });

  it.each([
    ['{"nmae":"x"}', 'ERR_ANSWERS_UNKNOWN_KEY', /Did you mean "name"/],
    ['{"__proto__":{"name":"x"}}', 'ERR_ANSWERS_UNKNOWN_KEY', /"__proto__"/],
    ['{"dir":"/tmp"}', 'ERR_ANSWERS_UNKNOWN_KEY', /unknown key "dir"/],
    ['{"name":"con"}', 'ERR_ANSWER', /a.json, key "name": "con" is reserved by Windows/],
    ['{"name":7}', 'ERR_ANSWER', /expected string, got 7/],
    ['{"features":"hpo"}', 'ERR_ANSWER', /expected array, got "hpo"/],
    ['{"features":["hop"]}', 'ERR_ANSWER', /Did you mean "hpo"/],
    ['["x"]', 'ERR_ANSWERS_SHAPE', /expected an object/],
    ['null', 'ERR_ANSWERS_SHAPE', /got null/],
  ])('refuses the answers file %s', async (text, code, message) => {
    const file = { content: JSON.parse(text) as unknown, origin: 'a.json' };
    await expect(collectAnswers(flags(), file, { from: 'defaults' })).rejects.toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });
});
