import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from '@jest/globals';
import { MetricStore } from '../../../runtime/src/core/metricStore.ts';
import { silenceTfBanner } from '../trainer/silenceTfBanner.ts';

silenceTfBanner();

describe('MetricStore', () => {
  it('logs steps in training and weighted means elsewhere', () => {
    const store = new MetricStore();
    store.enter('train');
    store.log('loss', 2, {});
    expect(store.settle(4, 1)).toEqual({ 'train/loss': 2 });
    expect(store.finishEpoch('train', 1)).toEqual({});
    store.enter('validate');
    store.log('loss', 1, {});
    expect(store.settle(3, 1)).toEqual({});
    store.log('loss', 5, {});
    store.settle(1, 1);
    expect(store.finishEpoch('validate', 1)).toEqual({ 'val/loss': 2 });
    expect(store.latest.get('val/loss')).toEqual({ value: 2, step: 1, stage: 'validate' });
  });

  it('tells step and epoch values apart when both are wanted', () => {
    const store = new MetricStore();
    store.enter('train');
    for (const value of [1, 3]) {
      store.log('loss', value, { onStep: true, onEpoch: true, progBar: true });
      expect(store.settle(1, value)).toEqual({ 'train/loss_step': value });
    }
    expect(store.finishEpoch('train', 2)).toEqual({ 'train/loss_epoch': 2 });
    expect(store.latest.get('train/loss')?.value).toBe(2);
    expect([...store.progressBar]).toEqual(['train/loss']);
  });

  it('leaves names with a slash as they are and adds the loader to others', () => {
    const store = new MetricStore();
    store.enter('validate', 'night');
    store.log('acc', 1, {});
    store.log('own/name', 2, {});
    store.settle(1, 0);
    expect(Object.keys(store.finishEpoch('validate', 0))).toEqual([
      'val/acc',
      'val/night/acc',
      'own/name',
    ]);
  });

  it('reads and frees tensors, and copies them when they are logged', () => {
    const store = new MetricStore();
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      store.log('loss', tf.scalar(4), {});
    });
    expect(store.settle(1, 0)).toEqual({ 'train/loss': 4 });
    tf.tidy(() => {
      store.log('loss', tf.scalar(4), {});
    });
    store.discardPending();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses values that are no scalars', () => {
    const store = new MetricStore();
    expect(() => store.log('x', tf.zeros([2, 2]), {})).toThrow(/shape \[2, 2\].*\.mean\(\)/);
  });

  it('goes on with a mean in a new store', () => {
    const store = new MetricStore();
    store.enter('train');
    store.log('loss', 1, { onEpoch: true });
    store.settle(2, 1);
    const copy = new MetricStore();
    copy.loadStateDict(store.stateDict());
    for (const one of [store, copy]) {
      one.enter('train');
      one.log('loss', 4, { onEpoch: true });
      one.settle(1, 2);
    }
    expect(copy.finishEpoch('train', 2)).toEqual({ 'train/loss': 2 });
    expect(copy.stateDict()).toEqual({ ...store.stateDict(), latest: copy.stateDict().latest });
  });
});
