import { beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import {
  Adam,
  AdamW,
  RMSProp,
  SGD,
  type Optimizer,
} from '../../../../runtime/src/core/optim/index.ts';
import { ParameterArena } from '../../../../runtime/src/engine/arena/parameterArena.ts';
import { selectBackend } from '../../../../runtime/src/engine/index.ts';
import {
  golden,
  goldenArena,
  goldenGradients,
  goldenSteps,
  largestError,
  parts,
} from './goldenParameters.ts';

const makers: Record<string, () => Optimizer> = {
  adam: () => new Adam(),
  'adam-l2': () => new Adam({ lr: 0.01, betas: [0.8, 0.95], eps: 1e-6, weightDecay: 0.05 }),
  adamw: () => new AdamW({ lr: 0.01 }),
  'adamw-decay': () => new AdamW({ lr: 0.003, weightDecay: 0.3 }),
  sgd: () => new SGD({ lr: 0.1, weightDecay: 0.01 }),
  'sgd-momentum': () => new SGD({ lr: 0.05, momentum: 0.9, dampening: 0.2 }),
  'sgd-nesterov': () => new SGD({ lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.1 }),
  rmsprop: () => new RMSProp(),
  'rmsprop-momentum': () => new RMSProp({ lr: 0.005, momentum: 0.7, weightDecay: 0.02 }),
  'rmsprop-centered': () => new RMSProp({ lr: 0.005, centered: true, alpha: 0.9 }),
  'rmsprop-both': () => new RMSProp({ lr: 0.005, centered: true, momentum: 0.5 }),
};

describe.each(['ort', 'cpu'])('optimizers on %s', (accelerator) => {
  beforeAll(async () => {
    await selectBackend({ accelerator, threads: 1 });
  });

  it('covers every golden run', () => {
    expect(Object.keys(makers).sort()).toEqual(Object.keys(golden.optimizers).sort());
  });

  it.each(Object.keys(makers))("%s ends where torch's does", (name) => {
    const arena = goldenArena();
    const optimizer = makers[name]();
    optimizer.bind(arena);
    run(optimizer, 0, goldenSteps);
    const { values, state } = golden.optimizers[name];
    expect(largestError(parts(arena, arena.values), values)).toBeLessThan(2e-6);
    const shown = arena.variables.map((variable) => [...variable.dataSync()]);
    expect(shown).toEqual(parts(arena, arena.values));
    for (const [slot, expected] of Object.entries(state)) {
      expect(largestError(parts(arena, arena.slot(slot)), expected)).toBeLessThan(2e-6);
    }
  });

  it.each(Object.keys(makers))('%s saved after 7 updates goes on to equal bits', (name) => {
    const whole = makers[name]();
    whole.bind(goldenArena());
    run(whole, 0, goldenSteps);

    const first = makers[name]();
    first.bind(goldenArena());
    run(first, 0, 7);
    const saved = structuredClone({
      values: first.arena.values,
      state: first.stateDict(),
      tensors: first.stateTensors(),
    });
    const second = makers[name]();
    second.bind(goldenArena());
    second.arena.segments.forEach((segment, index) => {
      const { offset, length } = segment;
      const values = saved.values.slice(offset, offset + length);
      tf.tidy(() => {
        second.arena.variables[index].assign(tf.tensor1d(values));
      });
    });
    second.loadStateDict(JSON.parse(JSON.stringify(saved.state)) as typeof saved.state);
    second.loadStateTensors(saved.tensors);
    run(second, 7, goldenSteps);
    expect([...second.arena.values]).toEqual([...whole.arena.values]);
    expect(second.stateTensors()).toEqual(whole.stateTensors());
  });

  it.each(Object.keys(makers))('%s leaves lent state alone and trains on to equal bits', (name) => {
    const whole = makers[name]();
    whole.bind(goldenArena());
    run(whole, 0, goldenSteps);

    const lender = makers[name]();
    const arena = goldenArena({ spares: lender.spares });
    lender.bind(arena);
    run(lender, 0, 3);
    // Returned after two updates, before any, and never.
    for (const [update, until] of [
      [3, 5],
      [5, 5],
      [6, 9],
      [9, 99],
    ]) {
      const release = lender.lendState();
      expect(release === null).toBe(lender.spares === 0);
      const lent = lender.stateTensors();
      const before = structuredClone(lent);
      run(lender, update, Math.min(until, goldenSteps));
      expect(lent).toEqual(before);
      if (until < 99) release?.();
      if (update === 5) run(lender, 5, 6);
    }
    expect([...arena.values]).toEqual([...whole.arena.values]);
    expect(lender.stateTensors()).toEqual(whole.stateTensors());
    expect(lender.stateDict()).toEqual(whole.stateDict());
  });
});

describe('lent state', () => {
  beforeAll(async () => {
    await selectBackend({ accelerator: 'cpu' });
  });

  it('is not lent from where it could not be left alone', () => {
    const optimizer = new Adam();
    optimizer.bind(goldenArena());
    expect(optimizer.lendState()).toBeNull();
    optimizer.bind(goldenArena({ spares: 1 }));
    expect(optimizer.lendState()).toBeNull();
    optimizer.bind(goldenArena({ spares: 2 }));
    const first = optimizer.lendState();
    run(optimizer, 0, 1);
    // The other memory is being read.
    expect(optimizer.lendState()).toBeNull();
    first?.();
    first?.();
    const [second, third] = [optimizer.lendState(), optimizer.lendState()];
    second?.();
    const lent = optimizer.stateTensors();
    const before = structuredClone(lent);
    run(optimizer, 1, 2);
    expect(lent).toEqual(before);
    third?.();
  });

  it('stays as it is when another state is loaded', () => {
    const [optimizer, other] = [new Adam(), new Adam()];
    optimizer.bind(goldenArena({ spares: 2 }));
    other.bind(goldenArena());
    run(optimizer, 0, 2);
    run(other, 0, 5);
    optimizer.lendState();
    const lent = optimizer.stateTensors();
    const before = structuredClone(lent);
    optimizer.loadStateTensors(other.stateTensors());
    expect(lent).toEqual(before);
    expect(optimizer.stateTensors()).toEqual(other.stateTensors());
  });

  it('is not lent by a class that does not say so itself', () => {
    class Own extends Adam {}
    class Aside extends Adam {
      static override readonly writesAside = true;
    }
    for (const [optimizer, spares] of [
      [new Own(), 0],
      [new Aside(), 2],
    ] as const) {
      optimizer.bind(goldenArena({ spares: 2 }));
      expect(optimizer.spares).toBe(spares);
      expect(optimizer.lendState() === null).toBe(spares === 0);
    }
  });
});

describe('parameter groups', () => {
  beforeAll(async () => {
    await selectBackend({ accelerator: 'cpu' });
  });

  it('gives each group its rate, decay and factor, and the rest the defaults', () => {
    const arena = named(['body.0.kernel', 'body.0.bias', 'head.kernel', 'head.bias']);
    const optimizer = new SGD({
      lr: 0.1,
      weightDecay: 0.5,
      groups: [
        { name: 'bias', match: ['*.bias'], weightDecay: 0 },
        { name: 'head', params: ['head.kernel'], lr: 1 },
      ],
    });
    optimizer.bind(arena);
    expect(optimizer.groups.map(({ name, parameters }) => [name, parameters])).toEqual([
      ['default', ['body.0.kernel']],
      ['bias', ['body.0.bias', 'head.bias']],
      ['head', ['head.kernel']],
    ]);
    arena.grads.fill(1);
    optimizer.step([1, 2, 0.5]);
    const after = parts(arena, arena.values).map(([value]) => value);
    const expected = [1 - 0.1 * 1.5, 1 - 0.2, 1 - 0.5 * 1.5, 1 - 0.2];
    after.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index], 6);
    });
    expect(optimizer.groups.map(({ currentLr }) => currentLr)).toEqual([0.1, 0.2, 0.5]);
  });

  it('joins neighbours into one range', () => {
    const arena = named(['a', 'b', 'c', 'd']);
    const optimizer = new Adam({ groups: [{ match: ['[bc]'] }] });
    optimizer.bind(arena);
    expect(optimizer.groups.map(({ ranges }) => ranges)).toEqual([
      [
        { start: 0, end: 16, since: 0 },
        { start: 48, end: 64, since: 0 },
      ],
      [{ start: 16, end: 48, since: 0 }],
    ]);
  });

  it.each([
    [[{ match: ['bogus.*'] }], /"bogus\.\*" matches no trainable parameter/],
    [[{ params: ['body.kernl'] }], /Did you mean "body.kernel"\?/],
    [[{ name: 'x' }], /expected `match`.*or `params`/],
    [[{ match: ['*'] }, { name: 'late', match: ['body*'] }], /"late".*earlier group/],
  ])('refuses %j', (groups, message) => {
    const optimizer = new SGD({ groups });
    expect(() => {
      optimizer.bind(named(['body.kernel', 'head']));
    }).toThrow(message);
  });
});

describe('a parameter that leaves and comes back', () => {
  it.each([
    ['Adam', () => new Adam({ lr: 0.1 })],
    ['SGD', () => new SGD({ lr: 0.1, momentum: 0.9, dampening: 0.5 })],
  ])('goes on as if %s had not been asked in between', (_name, make) => {
    const steps = (optimizer: Adam | SGD, gradients: readonly number[]): void => {
      for (const gradient of gradients) {
        optimizer.arena.grads.fill(gradient);
        optimizer.step();
      }
    };
    const alone = make();
    alone.bind(named(['a']));
    steps(alone, [1, 2, 3, 4, 5]);

    let away = make();
    const both = (): ParameterArena => named(['a', 'b']);
    away.bind(both());
    steps(away, [1, 2]);
    const [a] = parts(away.arena, away.arena.values).map((values) => [...values]);
    const other = named(['b']);
    away.rebind(other, { frozen: ['a'] });
    steps(away, [7, 8, 9]);
    // Over a checkpoint, too.
    const [state, tensors] = [away.stateDict(), away.stateTensors()];
    away = make();
    away.bind(other, { frozen: ['a'] });
    away.loadStateDict(JSON.parse(JSON.stringify(state)) as typeof state);
    away.loadStateTensors(tensors);
    const back = both();
    back.part(back.values, back.segments[0]).set(a);
    away.rebind(back, {});
    steps(away, [3, 4, 5]);
    expect(parts(back, back.values)[0]).toEqual(parts(alone.arena, alone.arena.values)[0]);
  });
});

describe('options and state', () => {
  it('refuses what torch refuses, and unknown options', () => {
    expect(() => new SGD({ nesterov: true })).toThrow(/momentum above 0/);
    expect(() => new Adam({ betas: [0.9, 1] })).toThrow();
    expect(() => new AdamW({ lr: -1 })).toThrow();
    expect(() => new RMSProp({ learningRate: 1 } as object)).toThrow(/learningRate/);
  });

  it('refuses the state of another optimizer, of other groups and of other sizes', () => {
    const adam = new Adam();
    expect(() => adam.arena).toThrow(/bind\(\) comes before/);
    adam.bind(named(['a']));
    const sgd = new SGD({ momentum: 0.9, groups: [{ match: ['a'] }] });
    sgd.bind(named(['a']));
    expect(() => {
      sgd.loadStateDict(adam.stateDict());
    }).toThrow(/expected SGD with groups group1, got Adam with groups default/);
    expect(() => {
      adam.loadStateTensors({ 'exp_avg/a': new Float32Array(2) });
    }).toThrow(/"exp_avg\/a": expected 1 values, got 2/);
    expect(() => {
      adam.loadStateTensors({ 'exp_avg/a': new Float32Array(1) });
    }).toThrow(/"exp_avg_sq\/a": expected 1 values, got none/);
  });
});

function run(optimizer: Optimizer, from: number, to: number): void {
  for (let step = from; step < to; step++) {
    goldenGradients(optimizer.arena, step);
    optimizer.step();
  }
}

function named(names: readonly string[]): ParameterArena {
  return new ParameterArena(
    names.map((name) => ({ name, variable: tf.variable(tf.tensor1d([1])) })),
  );
}
