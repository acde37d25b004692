import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  engineCounters,
  onNotice,
  resetEngineCounters,
  selectBackend,
} from '../../../runtime/src/engine/index.ts';
import type { Lowering } from '../../../runtime/src/engine/lowerings/lowering.ts';
import { GraphBuilder } from '../../../runtime/src/engine/onnx/graphBuilder.ts';
import type { Model } from '../../../runtime/src/engine/onnx/model.ts';
import { Value } from '../../../runtime/src/engine/onnx/value.ts';
import { OrtBackend } from '../../../runtime/src/engine/ort/backend.ts';
import type { NativeTensor } from '../../../runtime/src/engine/ort/binding.ts';
import { SessionCache } from '../../../runtime/src/engine/ort/sessionCache.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';

const SETTINGS = { threads: 1, spinning: false };

/** A model that multiplies two floats by a factor. */
function scaling(factor: number): Model {
  const graph = new GraphBuilder();
  const x = graph.input('x', 'float32', [2]);
  const value = graph.elementwise('Mul', [x, graph.scalar(factor)], [2]);
  return graph.finish([{ name: 'y', value }]);
}

function tensor(data: Float32Array): NativeTensor {
  return { type: 'float32', data, dims: [2], location: 'cpu' };
}

function run(cache: SessionCache, factor: number): number[] {
  const result = new Float32Array(2);
  const feeds = { x: tensor(Float32Array.of(1, 2)) };
  cache.run(`factor ${factor}`, () => scaling(factor), feeds, { y: tensor(result) });
  return [...result];
}

beforeEach(resetEngineCounters);

describe('the session cache', () => {
  it('drops the least recently used session first', () => {
    const cache = new SessionCache(SETTINGS, { entries: 2, bytes: 2 ** 40 });
    const before = engineCounters().sessions;
    for (const factor of [1, 2, 1, 3, 1]) expect(run(cache, factor)).toEqual([factor, 2 * factor]);
    expect(engineCounters()).toMatchObject({ compilations: 3, hits: 2, misses: 3, evictions: 1 });
    expect(run(cache, 2)).toEqual([2, 4]);
    expect(engineCounters().compilations).toBe(4);
    cache.clear();
    expect(engineCounters().sessions).toBe(before);
  });

  it('keeps within its bytes but never drops what it has just run', () => {
    const cache = new SessionCache(SETTINGS, { entries: 100, bytes: 1 });
    const before = engineCounters();
    for (const factor of [1, 2, 3]) run(cache, factor);
    expect(engineCounters().sessions - before.sessions).toBe(1);
    expect(engineCounters().evictions).toBe(2);
    cache.clear();
    expect(engineCounters().sessionBytes).toBe(before.sessionBytes);
  });
});

it('asks for the model of a graph once', () => {
  const cache = new SessionCache({ threads: 2, spinning: true });
  let models = 0;
  const model = () => {
    models++;
    return scaling(2);
  };
  const result = new Float32Array(2);
  for (let index = 0; index < 50; index++) {
    cache.run('key', model, { x: tensor(Float32Array.of(1, 2)) }, { y: tensor(result) });
  }
  expect([models, ...result]).toEqual([1, 2, 4]);
  cache.clear();
});

describe('the graph builder', () => {
  it('makes equal operations one, undoes transposes and drops what nothing needs', () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', 'float32', [2, 3]);
    const exp = () => graph.elementwise('Exp', [x], [2, 3]);
    const back = graph.transpose(graph.transpose(exp(), [1, 0]), [1, 0]);
    graph.elementwise('Sin', [x], [2, 3]);
    const sum = graph.elementwise('Add', [back, exp()], [2, 3]);
    const { nodes } = graph.finish([{ name: 'y', value: sum }]);
    expect(nodes.map(({ type }) => type)).toEqual(['Exp', 'Add', 'Identity']);
    expect(nodes[1].inputs).toEqual([nodes[0].outputs[0], nodes[0].outputs[0]]);
  });

  it('runs chains of image operations without transposes in between', () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', 'float32', [1, 4, 4, 3]);
    const [channelsFirst] = graph.raw('Relu', [graph.channelsFirst(x)]);
    const image = new Value('float32', x.shape, { channelsFirst });
    const exp = graph.elementwise('Exp', [image], x.shape);
    const sum = graph.elementwise('Add', [exp, graph.constant('float32', [3], [1, 2, 3])], x.shape);
    const { nodes } = graph.finish([{ name: 'y', value: sum }]);
    const types = nodes.map(({ type }) => type).filter((type) => type !== 'Reshape');
    expect(types).toEqual(['Transpose', 'Relu', 'Exp', 'Add', 'Transpose', 'Identity']);
  });
});

describe('a graph that ONNX Runtime refuses', () => {
  const broken: Lowering = {
    kernel: 'Exp',
    inputs: ['x'],
    infer: ([{ shape, dtype }]) => [{ shape, dtype }],
    emit: (graph, [x]) => [graph.op('NoSuchOperator', [x], x.shape)],
  };

  it('is computed in JavaScript, counted and reported', async () => {
    await selectBackend({ accelerator: 'ort', threads: 1 });
    const backend: unknown = tf.backend();
    if (!(backend instanceof OrtBackend)) throw new Error('expected the ort back end');
    const messages: string[] = [];
    const stop = onNotice(({ kind, message }) => {
      if (kind === 'uncompiled') messages.push(message);
    });
    const x = tf.tensor1d([0, 1]);
    const use = { entry: backend.entryOf(x.dataId), shape: [2], dtype: 'float32' as const };
    const [info] = backend.record(broken, [use], {}, [{ shape: [2], dtype: 'float32' }]);
    expect(backend.readSync(info.dataId)).toEqual(Float32Array.of(1, Math.E));
    stop();
    expect(engineCounters().fallbacks).toEqual({ Exp: 1 });
    expect(messages).toEqual([expect.stringContaining('NoSuchOperator')]);
    backend.disposeData(info.dataId);
  });
});
