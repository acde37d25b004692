import type { Report } from '../report.ts';
import { nodePeer } from './contestants.ts';
import { cases, type CaseName } from './workload.ts';

/**
 * Floating-point operations of the matrix products in one training step: forward, and twice that
 * backward but for the gradient of the batch itself, which nobody needs.
 */
export function productFlops(name: CaseName): number {
  const { batchSize, input, weights } = cases[name];
  const dense = ([inputs, units]: readonly number[], rows = batchSize): number =>
    2 * rows * inputs * units;
  switch (name) {
    case 'mlp': {
      const layers = weights.filter(({ length }) => length === 2).map((shape) => dense(shape));
      return withBackward(layers);
    }
    case 'cnn': {
      const [height, width] = input;
      const pixels = batchSize * height * width;
      const [first, , second, , third, , fourth] = weights;
      const convolution = ([h, w, i, o]: readonly number[], count: number): number =>
        2 * count * h * w * i * o;
      const images = [convolution(first, pixels), convolution(second, pixels / 4)];
      return withBackward([...images, dense(third), dense(fourth)]);
    }
    case 'lstm': {
      const steps = batchSize * input[0];
      const layers = weights.slice(0, -2).filter(({ length }) => length === 2);
      const [head] = weights.slice(-2);
      return withBackward([...layers.map((shape) => dense(shape, steps)), dense(head)]);
    }
    case 'gpt': {
      const rows = batchSize * input[0];
      // Embedding and positions are looked up, not multiplied.
      const layers = weights.slice(2).filter(({ length }) => length === 2);
      const blocks = layers.filter(([inputs, units]) => units === 3 * inputs);
      const attention = blocks.map(([width]) => 2 * 2 * rows * input[0] * width);
      const products = [...layers.map((shape) => dense(shape, rows)), ...attention];
      return 3 * products.reduce((sum, flops) => sum + flops, 0);
    }
  }
}

function withBackward(layers: readonly number[]): number {
  return 3 * layers.reduce((sum, flops) => sum + flops, 0) - layers[0];
}

/** The share of the quickest large matrix product here that each subject's steps reach. */
export async function measurePeak(report: Report, names: readonly CaseName[]): Promise<void> {
  const { peer } = nodePeer('ort-default', 1);
  try {
    const { ms } = await peer.ask({ do: 'product', size: 1024, steps: 30 });
    const best = Math.min(...ms);
    const peak = (2 * 1024 ** 3) / best / 1e6;
    report.measure('matrix-product', 'ort-default', 'GFLOP/s', [peak]);
    for (const name of names) {
      for (const subject of ['ort-default', 'ort-replay', 'pytorch']) {
        const row = report.find(name, subject);
        if (row === undefined) continue;
        const share = productFlops(name) / row.median / 1e6 / peak;
        report.measure(`${name}-share-of-peak`, subject, '% of matrix-product', [100 * share]);
      }
    }
  } finally {
    peer.close();
  }
}
