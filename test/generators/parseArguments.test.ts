import { describe, expect, it } from '@jest/globals';
import { parseArguments } from '../../generators/app/parseArguments.ts';
import { helpText } from '../../generators/app/help.ts';

describe('parseArguments', () => {
  it('reads every way of writing a flag', () => {
    const parsed = parseArguments([
      'my-net',
      '--task=tabular-regression',
      '--model',
      'x',
      '--hpo',
      '-y',
    ]);
    expect(parsed).toMatchObject({
      answers: { name: 'my-net', task: 'tabular-regression', model: 'x' },
      features: { list: null, single: { hpo: true } },
      yes: true,
      install: false,
    });
  });

  it('keeps features in one order, whatever was written', () => {
    expect(parseArguments(['--features', 'compile, hpo']).features.list).toEqual([
      'hpo',
      'compile',
    ]);
    expect(parseArguments(['--features=none']).features.list).toEqual([]);
    expect(parseArguments(['--no-hpo']).features.single).toEqual({ hpo: false });
  });

  it('takes a lone dash as standard input', () => {
    expect(parseArguments(['--answers', '-']).answersFrom).toBe('-');
    expect(parseArguments(['--answers=-']).answersFrom).toBe('-');
  });

  it.each([
    [['--modle', 'x'], 'ERR_FLAG_UNKNOWN', /Did you mean "--model"/],
    [['-q'], 'ERR_FLAG_UNKNOWN', /Unknown flag/],
    [['--no-tests'], 'ERR_FLAG_UNKNOWN', /Unknown flag/],
    [['--hpo=yes'], 'ERR_FLAG_VALUE', /takes no value/],
    [['--model'], 'ERR_FLAG_VALUE', /needs a value, got nothing/],
    [['--model', '--task'], 'ERR_FLAG_VALUE', /needs a value, got "--task"/],
    [['--model', 'a', '--model', 'b'], 'ERR_FLAG_VALUE', /more than once/],
    [['a', 'b'], 'ERR_ARGUMENT_EXTRA', /"a" and "b"/],
    [['../x'], 'ERR_ANSWER', /--name: "..\/x" is a path/],
    [['--task', 'images'], 'ERR_ANSWER', /expected one of image-classification/],
    [['--features', 'hpo,compil'], 'ERR_ANSWER', /got "compil". Did you mean "compile"/],
    [['--author', 'a\nb'], 'ERR_ANSWER', /line break/],
  ])('refuses %j', (argv, code, message) => {
    expect(() => parseArguments(argv)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  it('lists in its help every flag that it takes', () => {
    const help = helpText();
    const flags = [...help.matchAll(/--([a-z-]+)/g)].map(([, name]) => name);
    expect(new Set(flags)).toEqual(
      new Set(
        (
          'name task model features author description hpo no-hpo dataporter no-dataporter compile ' +
          'no-compile dir answers yes install help version'
        ).split(' '),
      ),
    );
  });
});
