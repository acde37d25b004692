import { describe, expect, it } from '@jest/globals';
import { formatCheckpointName } from '../../../runtime/src/checkpoint/index.ts';

const values = { epoch: 3, step: 120, 'val/loss': 0.123456, 'val/acc': NaN };

describe('formatCheckpointName', () => {
  it.each([
    ['{epoch}-{step}', 'epoch=3-step=120'],
    ['{epoch}-{step}-{val/loss:.4f}', 'epoch=3-step=120-val_loss=0.1235'],
    ['best-{val/loss:.2e}', 'best-val_loss=1.23e-1'],
    ['{step:06d}', 'step=000120'],
    ['{step:6d}', 'step=   120'],
    ['{val/loss:.3g}', 'val_loss=0.123'],
    ['{val/loss:.1%}', 'val_loss=12.3%'],
    ['{val/loss:f}', 'val_loss=0.123456'],
    ['{val/acc:.4f}', 'val_acc=NaN'],
    ['../up/{step}', '___up_step=120'],
    ['last', 'last'],
  ])('%s', (template, expected) => {
    expect(formatCheckpointName(template, values)).toBe(expected);
  });

  it('leaves out the names when asked', () => {
    const options = { autoInsertMetricName: false };
    expect(formatCheckpointName('e{epoch:02d}-{val/loss:.2f}', values, options)).toBe('e03-0.12');
  });

  it('refuses names and formats it does not know', () => {
    expect(() => formatCheckpointName('{val/los:.4f}', values)).toThrow(
      'The checkpoint name "{val/los:.4f}" uses "val/los", which is not known when it is saved. ' +
        'Did you mean "val/loss"? Known: epoch, step, val/loss, val/acc.',
    );
    expect(() => formatCheckpointName('{toString}', values)).toThrow(/uses "toString"/);
    expect(() => formatCheckpointName('{step:x}', values)).toThrow(/"x" is not a format/);
  });
});
