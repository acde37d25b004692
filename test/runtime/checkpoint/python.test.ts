import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { writeCheckpoint } from '../../../runtime/src/checkpoint/writeCheckpoint.ts';
import { inFolder, sampleContents } from './sampleContents.ts';

const python = process.env.LIGHTBOX_TEST_PYTHON;
const script = `
import json, sys
from safetensors import safe_open
from safetensors.${process.env.LIGHTBOX_TEST_PYTHON_FRAMEWORK ?? 'numpy'} import load_file
tensors = load_file(sys.argv[1])
with safe_open(sys.argv[1], framework='np') as file:
    state = json.loads(file.metadata()['lightbox.state'])
print(json.dumps({
    'shapes': {name: list(tensor.shape) for name, tensor in tensors.items()},
    'counter': tensors['rng/counter'].tolist(),
    'kernel': [str(value) for value in tensors['model/dense/kernel'].flatten().tolist()],
    'wide': tensors['import/wide'].tolist(),
    'long': str(tensors['import/long'].tolist()[0]),
    'step': state['info']['step'],
    'best': state['info']['metrics']['val/best'],
}))
`;

// Needs Python with safetensors and numpy (or torch), which not every machine has.
const withPython = python === undefined ? it.skip : it;

describe('Python', () => {
  withPython('(LIGHTBOX_TEST_PYTHON) reads checkpoints with safetensors', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'a.safetensors');
      const contents = sampleContents();
      await writeCheckpoint(path, contents);
      const { stdout } = await promisify(execFile)(String(python), ['-c', script, path]);
      const seen = JSON.parse(stdout) as Record<string, unknown>;
      const shapes = contents.tensors.map(({ name, shape }) => [name, shape] as const);
      expect(seen).toEqual({
        shapes: { ...Object.fromEntries(shapes), 'lightbox.crc32': [4 * (shapes.length + 1)] },
        counter: [-1, 2 ** 31 - 1],
        kernel: ['1.0', '-0.0', 'nan', '7.0'],
        wide: [Math.PI],
        long: '-9223372036854775808',
        step: 7,
        best: { $number: 'Infinity' },
      });
    });
  });
});
