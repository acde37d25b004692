import { describe, expect, it, jest } from '@jest/globals';
import { selectBackend } from '../../../runtime/src/engine/index.ts';
import { UsageError } from '../../../runtime/src/errors.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';

async function refusal(accelerator: string, threads?: number): Promise<UsageError> {
  try {
    await selectBackend({ accelerator, threads });
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error(`${accelerator} was accepted`);
}

describe('selectBackend', () => {
  it('takes ort by default', async () => {
    const info = await selectBackend();
    expect(info).toMatchObject({ name: 'ort', accelerator: 'auto', device: 'cpu' });
    expect(tf.getBackend()).toBe('ort');
  });

  it('changes the number of threads', async () => {
    expect((await selectBackend({ accelerator: 'ort', threads: 1 })).threads).toBe(1);
    const pending = tf.add(tf.ones([2]), 1);
    expect((await selectBackend({ accelerator: 'ort', threads: 2 })).threads).toBe(2);
    expect([...pending.dataSync()]).toEqual([2, 2]);
    expect([...tf.add(tf.ones([2]), 2).dataSync()]).toEqual([3, 3]);
  });

  it('runs on wasm when it is installed', async () => {
    const info = await selectBackend({ accelerator: 'wasm', threads: 1 });
    expect(info.name).toBe('wasm');
    expect([...tf.add(tf.ones([2]), 1).dataSync()]).toEqual([2, 2]);
  });

  it.each([
    ['gpu', '"webgpu" (any graphics card) or "cuda" (NVIDIA)'],
    ['mps', 'use "webgpu", which runs on Metal'],
    ['tpu', 'nothing here runs on TPUs'],
    ['ort-cuda', 'it is called "cuda"'],
  ])('knows what others call %s', async (name, answer) => {
    const { code, message } = await refusal(name);
    expect(code).toBe('ERR_ENGINE_ACCELERATOR');
    expect(message).toContain(answer);
  });

  it('suggests the nearest name', async () => {
    expect((await refusal('wams')).message).toContain('Did you mean "wasm"?');
  });

  it.each([0, 1.5, -1])('refuses %d threads', async (threads) => {
    const { code, message } = await refusal('ort', threads);
    expect(code).toBe('ERR_ENGINE_THREADS');
    expect(message).toContain(String(threads));
  });

  it('prints nothing on the console', async () => {
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    await selectBackend({ accelerator: 'cpu' });
    tf.ones([2]).dataSync();
    await selectBackend({ accelerator: 'ort', threads: 1 });
    tf.unique(tf.tensor1d([1, 1]));
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });
});

describe('chained methods', () => {
  it('exist with their types', () => {
    const x: tf.Tensor = tf.tensor2d([
      [1, -2],
      [3, 4],
    ]);
    expect([...x.relu().sum(0).dataSync()]).toEqual([4, 4]);
    expect(x.flatten().shape).toEqual([4]);
    expect(x.concat(x, 1).shape).toEqual([2, 4]);
    expect(x.stack(x).shape).toEqual([2, 2, 2]);
    expect(x.toInt().dtype).toBe('int32');
    expect(x.as1D().reshapeAs(x).shape).toEqual([2, 2]);
    expect(x.where(x.greater(0), tf.zerosLike(x)).min().dataSync()[0]).toBe(0);
  });

  it('refuse disposed tensors', () => {
    const x = tf.ones([1]);
    x.dispose();
    expect(() => x.relu()).toThrow(/disposed/);
  });
});
