import type { Code } from './assembler.ts';
import type { Elementwise, Lanes } from './elementwise.ts';

type AdamArray = 'values' | 'grads' | 'expAvg' | 'expAvgSq';
type AdamScalar =
  | 'weightDecay'
  | 'oneMinusBeta1'
  | 'beta2'
  | 'oneMinusBeta2'
  | 'stepSize'
  | 'inverseRootCorrection2'
  | 'eps';

const adamArrays: readonly AdamArray[] = ['values', 'grads', 'expAvg', 'expAvgSq'];
const adamScalars: readonly AdamScalar[] = [
  'weightDecay',
  'oneMinusBeta1',
  'beta2',
  'oneMinusBeta2',
  'stepSize',
  'inverseRootCorrection2',
  'eps',
];

/**
 * Adam with the bias corrections folded into two scalars (`stepSize` = lr / correction1), and L2
 * regularisation added to the gradient.
 */
export const adam: Elementwise<AdamArray, AdamScalar> = {
  name: 'adam',
  arrays: adamArrays,
  state: ['expAvg', 'expAvgSq'],
  scalars: adamScalars,
  body: (x) => [
    x.keep(0, x.load('values')),
    x.keep(1, x.add(x.load('grads'), x.mul(x.scalar('weightDecay'), x.kept(0)))),
    ...adamStep(x),
  ],
};

/** Adam with decoupled weight decay: `weightDecay` here is lr times the decay. */
export const adamw: Elementwise<AdamArray, AdamScalar> = {
  name: 'adamw',
  arrays: adamArrays,
  state: ['expAvg', 'expAvgSq'],
  scalars: adamScalars,
  body: (x) => [
    x.keep(0, x.load('values')),
    x.keep(0, x.sub(x.kept(0), x.mul(x.scalar('weightDecay'), x.kept(0)))),
    x.keep(1, x.load('grads')),
    ...adamStep(x),
  ],
};

/** Expects the value in temporary 0 and the gradient in 1. */
function adamStep(x: Lanes<AdamArray, AdamScalar>): readonly Code[] {
  const drift = x.sub(x.kept(1), x.load('expAvg'));
  const square = x.mul(x.mul(x.scalar('oneMinusBeta2'), x.kept(1)), x.kept(1));
  const denominator = x.add(
    x.mul(x.sqrt(x.kept(3)), x.scalar('inverseRootCorrection2')),
    x.scalar('eps'),
  );
  return [
    x.keep(2, x.add(x.load('expAvg'), x.mul(x.scalar('oneMinusBeta1'), drift))),
    x.store('expAvg', x.kept(2)),
    x.keep(3, x.add(x.mul(x.load('expAvgSq'), x.scalar('beta2')), square)),
    x.store('expAvgSq', x.kept(3)),
    x.store('values', x.sub(x.kept(0), x.div(x.mul(x.scalar('stepSize'), x.kept(2)), denominator))),
  ];
}

/** Gradient descent without momentum. */
export const sgd: Elementwise<'values' | 'grads', 'lr' | 'weightDecay'> = {
  name: 'sgd',
  arrays: ['values', 'grads'],
  scalars: ['lr', 'weightDecay'],
  body: (x) => [
    x.keep(0, x.load('values')),
    x.keep(1, x.add(x.load('grads'), x.mul(x.scalar('weightDecay'), x.kept(0)))),
    x.store('values', x.sub(x.kept(0), x.mul(x.scalar('lr'), x.kept(1)))),
  ],
};

/**
 * Gradient descent with momentum. `gradientScale` is 1 in the very first step and 1 - dampening
 * later; the direction is `fromGradient` * gradient + `fromBuffer` * buffer, (0, 1) for plain
 * momentum and (1, momentum) for Nesterov's.
 */
export const sgdMomentum: Elementwise<
  'values' | 'grads' | 'momentumBuffer',
  'lr' | 'weightDecay' | 'momentum' | 'gradientScale' | 'fromGradient' | 'fromBuffer'
> = {
  name: 'sgdMomentum',
  arrays: ['values', 'grads', 'momentumBuffer'],
  state: ['momentumBuffer'],
  scalars: ['lr', 'weightDecay', 'momentum', 'gradientScale', 'fromGradient', 'fromBuffer'],
  body: (x) => [
    x.keep(0, x.load('values')),
    x.keep(1, x.add(x.load('grads'), x.mul(x.scalar('weightDecay'), x.kept(0)))),
    x.keep(
      2,
      x.add(
        x.mul(x.load('momentumBuffer'), x.scalar('momentum')),
        x.mul(x.scalar('gradientScale'), x.kept(1)),
      ),
    ),
    x.store('momentumBuffer', x.kept(2)),
    x.keep(
      3,
      x.add(x.mul(x.scalar('fromGradient'), x.kept(1)), x.mul(x.scalar('fromBuffer'), x.kept(2))),
    ),
    x.store('values', x.sub(x.kept(0), x.mul(x.scalar('lr'), x.kept(3)))),
  ],
};

type RmsPropArray = 'values' | 'grads' | 'squareAvg' | 'gradAvg' | 'momentumBuffer';
type RmsPropScalar = 'lr' | 'weightDecay' | 'alpha' | 'oneMinusAlpha' | 'eps' | 'momentum';

/** RMSProp, its root without the mean of the gradients when `centered`, with optional momentum. */
export function rmsprop(options: {
  centered: boolean;
  momentum: boolean;
}): Elementwise<RmsPropArray, RmsPropScalar> {
  const { centered, momentum } = options;
  const state: RmsPropArray[] = [
    'squareAvg',
    ...(centered ? (['gradAvg'] as const) : []),
    ...(momentum ? (['momentumBuffer'] as const) : []),
  ];
  return {
    name: `rmsprop${centered ? 'Centered' : ''}${momentum ? 'Momentum' : ''}`,
    arrays: ['values', 'grads', ...state],
    state,
    scalars: ['lr', 'weightDecay', 'alpha', 'oneMinusAlpha', 'eps', 'momentum'],
    body: (x) => [
      x.keep(0, x.load('values')),
      x.keep(1, x.add(x.load('grads'), x.mul(x.scalar('weightDecay'), x.kept(0)))),
      x.keep(
        2,
        x.add(
          x.mul(x.load('squareAvg'), x.scalar('alpha')),
          x.mul(x.mul(x.scalar('oneMinusAlpha'), x.kept(1)), x.kept(1)),
        ),
      ),
      x.store('squareAvg', x.kept(2)),
      ...(centered ? centering(x) : []),
      x.keep(2, x.div(x.kept(1), x.add(x.sqrt(x.kept(2)), x.scalar('eps')))),
      ...(momentum ? withMomentum(x) : []),
      x.store('values', x.sub(x.kept(0), x.mul(x.scalar('lr'), x.kept(2)))),
    ],
  };
}

function centering(x: Lanes<RmsPropArray, RmsPropScalar>): readonly Code[] {
  const drift = x.sub(x.kept(1), x.load('gradAvg'));
  return [
    x.keep(3, x.add(x.load('gradAvg'), x.mul(x.scalar('oneMinusAlpha'), drift))),
    x.store('gradAvg', x.kept(3)),
    x.keep(2, x.sub(x.kept(2), x.mul(x.kept(3), x.kept(3)))),
  ];
}

function withMomentum(x: Lanes<RmsPropArray, RmsPropScalar>): readonly Code[] {
  return [
    x.keep(2, x.add(x.mul(x.load('momentumBuffer'), x.scalar('momentum')), x.kept(2))),
    x.store('momentumBuffer', x.kept(2)),
  ];
}
