import { describe, expect, it } from '@jest/globals';
import { maskFlags, withoutSecretOptions } from '../../../runtime/src/core/secrets.ts';

describe('secrets', () => {
  it.each([
    [['fit', '--model.api_key', 'abc', '--seed', '1'], 'fit --model.api_key *** --seed 1'],
    [['--environment.HF_TOKEN=abc'], '--environment.HF_TOKEN=***'],
    [['-environment={"A":"long-secret"}'], '-environment={"A":"***"}'],
    [['--model.token', '--next'], '--model.token --next'],
    [['--data.tokenizer_path', 'x'], '--data.tokenizer_path x'],
  ])('are masked in %j', (args, expected) => {
    expect(maskFlags(args, ['long-secret', 'x']).join(' ')).toBe(expected);
  });

  it('are left out of options by name and by value, at any depth', () => {
    const options = {
      apiKey: 'a',
      api_key: 'b',
      monkey: 'c',
      hosts: ['h', 'u:long-secret@h', { password: 1, port: 2 }],
      deep: { access_token: 't', url: 'http://long-secret@h', size: 3 },
    };
    expect(withoutSecretOptions(options, ['long-secret', 'c'])).toEqual({
      monkey: 'c',
      hosts: ['h', { port: 2 }],
      deep: { size: 3 },
    });
  });
});
