export { withKeyedRandom } from './lend.ts';
export { Rng } from './rng.ts';
