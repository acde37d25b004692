import { describe, expect, it } from '@jest/globals';
import { sanitizeFileName } from '../../../runtime/src/core/fileNames.ts';

describe('sanitizeFileName', () => {
  it.each([
    ['epoch=1-step=2', 'epoch=1-step=2'],
    ['val/loss', 'val_loss'],
    ['a\\b:c*d?e"f<g>h|i', 'a_b_c_d_e_f_g_h_i'],
    ['tab\tnull\0', 'tab_null_'],
    ['..', '_'],
    ['../../x', '___.._x'],
    ['.hidden', '_hidden'],
    ['dots...', 'dots'],
    ['', '_'],
    ['con', '_con'],
    ['NUL.txt', '_NUL.txt'],
    ['console', 'console'],
    ['half\ud800', 'half_'],
    ['Zahl-π', 'Zahl-π'],
  ])('%j becomes %j', (name, expected) => {
    expect(sanitizeFileName(name)).toBe(expected);
  });

  it('cuts to 200 bytes without splitting a character', () => {
    expect(sanitizeFileName('é'.repeat(150))).toBe('é'.repeat(100));
    expect(sanitizeFileName(`a${'é'.repeat(150)}`)).toBe(`a${'é'.repeat(99)}`);
  });
});
