import { describe, expect, it } from '@jest/globals';
import { TemporalWindows } from '../../../../runtime/src/data/order/temporalWindows.ts';

const episodes = [5, 0, 2, 9, 3];

describe('TemporalWindows', () => {
  it.each([
    { contextLength: 1, arSteps: 0, stride: 1 },
    { contextLength: 3, arSteps: 0, stride: 1 },
    { contextLength: 2, arSteps: 1, stride: 2 },
    { contextLength: 4, arSteps: 3, stride: 1 },
    { contextLength: 1, arSteps: 1, stride: 4 },
  ])('has every window of every episode once, across none: %j', (options) => {
    const frames = options.contextLength + options.arSteps;
    const expected: unknown[] = [];
    let first = 0;
    episodes.forEach((length, episode) => {
      for (let offset = 0; offset + frames <= length; offset += options.stride) {
        expected.push({ episode, offset, firstFrame: first + offset });
      }
      first += length;
    });
    const windows = new TemporalWindows(episodes, options);
    expect(windows.frames).toBe(frames);
    expect(Array.from({ length: windows.length }, (_, i) => windows.at(i))).toEqual(expected);
    expect(() => windows.at(windows.length)).toThrow(RangeError);
  });

  it.each([
    [episodes, { contextLength: 9, arSteps: 1 }, /No window of 10 frames.*longest episode has 9/],
    [[], {}, /No window of 1 frames/],
    [episodes, { contextLength: 0 }, /context_length must be a whole number, at least 1; got 0/],
    [episodes, { arSteps: -1 }, /ar_steps must be a whole number, at least 0; got -1/],
    [episodes, { stride: 0.5 }, /stride.*got 0\.5/],
    [[3, NaN], {}, /length of episode 1.*got NaN/],
  ])('refuses %j with %j', (lengths, options, message) => {
    expect(() => new TemporalWindows(lengths, options)).toThrow(message);
  });
});
