import type { Elementwise } from './elementwise.ts';

/** x *= factor */
export const scale: Elementwise<'x', 'factor'> = {
  name: 'scale',
  arrays: ['x'],
  scalars: ['factor'],
  body: (x) => [x.store('x', x.mul(x.load('x'), x.scalar('factor')))],
};

/** sum += factor * x */
export const axpy: Elementwise<'sum' | 'x', 'factor'> = {
  name: 'axpy',
  arrays: ['sum', 'x'],
  scalars: ['factor'],
  body: (x) => [x.store('sum', x.add(x.load('sum'), x.mul(x.scalar('factor'), x.load('x'))))],
};

/** x = min(max(x, low), high); a NaN stays one. */
export const clampValue: Elementwise<'x', 'low' | 'high'> = {
  name: 'clampValue',
  arrays: ['x'],
  scalars: ['low', 'high'],
  body: (x) => [x.store('x', x.min(x.max(x.load('x'), x.scalar('low')), x.scalar('high')))],
};

export const fill: Elementwise<'x', 'value'> = {
  name: 'fill',
  arrays: ['x'],
  scalars: ['value'],
  body: (x) => [x.store('x', x.scalar('value'))],
};

export const copy: Elementwise<'to' | 'from', never> = {
  name: 'copy',
  arrays: ['to', 'from'],
  scalars: [],
  body: (x) => [x.store('to', x.load('from'))],
};
