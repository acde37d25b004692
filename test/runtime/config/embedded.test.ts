import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readCheckpoint } from '../../../runtime/src/checkpoint/index.ts';
import { extractEmbeddedConfig } from '../../../runtime/src/config/index.ts';
import { makeProject, runIn } from '../cli/fakeHost.ts';

describe('extractEmbeddedConfig', () => {
  it('reads the values in effect from a checkpoint, with or without the rest of it', async () => {
    const cwd = makeProject();
    const args = ['--config', 'line.yaml', '--model.log', 'mse', '--trainer.max_epochs', '1'];
    expect((await runIn(cwd, ['fit', ...args])).code).toBe(0);
    const files = readdirSync(join(cwd, 'runs'), { recursive: true, encoding: 'utf8' });
    const file = files.find((path) => path.endsWith('.safetensors')) ?? '';
    const checkpoint = await readCheckpoint(join(cwd, 'runs', file));
    const config = extractEmbeddedConfig(checkpoint);
    expect(config).toMatchObject({
      trainer: { max_epochs: 1 },
      model: { init_args: { log: 'mse', learning_rate: 0.2 } },
    });
    expect(config).not.toHaveProperty('provenance');
    expect(config).not.toHaveProperty('ckpt_path');
    expect(extractEmbeddedConfig(checkpoint.info)).toEqual(config);
  });

  it.each([null, {}])('says so where the run had none: %j', (config) => {
    expect(() => extractEmbeddedConfig({ info: { config } })).toThrow(
      expect.objectContaining({ code: 'ERR_CHECKPOINT_NO_CONFIG' }),
    );
  });
});
