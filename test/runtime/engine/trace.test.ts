import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { selectBackend, traceEngine } from '../../../runtime/src/engine/index.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';

afterEach(() => {
  traceEngine(null);
});

it('writes graphs and decisions into the folder', async () => {
  await selectBackend({ accelerator: 'ort', threads: 1 });
  const folder = mkdtempSync(join(tmpdir(), 'lightbox-trace-'));
  traceEngine(join(folder, 'new'));
  tf.tidy(() => tf.sinh(tf.tensor1d([1, 2, 3, 4, 5, 6, 7])).dataSync());
  tf.tidy(() => tf.fft(tf.complex([1, 0], [0, 0])).dataSync());
  traceEngine(null);
  tf.tidy(() => tf.cosh(tf.tensor1d([1, 2, 3, 4, 5, 6, 7])).dataSync());
  const files = readdirSync(join(folder, 'new'));
  const graphs = files.filter((file) => file.endsWith('.onnx'));
  expect(graphs).toContain('graph-001.onnx');
  expect(readFileSync(join(folder, 'new', 'graph-001.onnx')).includes('Sinh')).toBe(true);
  const lines = readFileSync(join(folder, 'new', 'trace.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(events[0]).toMatchObject({ event: 'compiled', graph: 'graph-001.onnx' });
  expect(events).toContainEqual({ event: 'fallback', kernel: 'FFT' });
  expect(events.filter(({ event }) => event === 'compiled')).toHaveLength(graphs.length);
});

it('refuses a folder that is a file', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'lightbox-trace-')), 'file');
  writeFileSync(file, '');
  expect(() => {
    traceEngine(file);
  }).toThrow(/LIGHTBOX_ENGINE_TRACE.*Name another one/);
});
