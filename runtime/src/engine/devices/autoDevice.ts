import { encodeModel } from '../onnx/encodeModel.ts';
import { GraphBuilder } from '../onnx/graphBuilder.ts';
import { createSession } from '../ort/binding.ts';
import type { Provider } from '../ort/binding.ts';
import { findGraphicsCard } from './graphicsCard.ts';
import type { GraphicsCard } from './graphicsCard.ts';
import { probeDevice } from './probe.ts';
import type { Refusal } from './probe.ts';
import type { DeviceProvider } from './accelerators.ts';

/** What `auto` means on this machine, and why. */
export interface AutoChoice {
  readonly provider: Provider;
  readonly reason: string;
}

/** How machines are looked at; replaced in tests. */
export interface Probes {
  probe(provider: DeviceProvider): Refusal;
  card(): GraphicsCard;
  /** Milliseconds of a fixed piece of work, with what goes to the device and back. */
  time(provider: Provider, threads: number): number;
}

/** A device must be so many times faster, since small graphs gain less than the trial. */
const GAIN = 3;
const SIZE = 1024;
const PRODUCTS = 4;
const onThisMachine: Probes = {
  probe: probeDevice,
  card: () => findGraphicsCard(),
  time: timeWork,
};
let known: { readonly threads: number; readonly choice: AutoChoice } | undefined;

/** The processor, unless a hardware device answers and is clearly faster. Decided once. */
export function autoDevice(threads: number): AutoChoice {
  if (known?.threads !== threads) known = { threads, choice: choose(threads, onThisMachine) };
  return known.choice;
}

/** The choice itself, from whatever the probes tell. */
export function choose(threads: number, probes: Probes): AutoChoice {
  const card = probes.card();
  const cuda = probes.probe('cuda');
  const candidate = cuda === null ? 'cuda' : card.real ? 'webgpu' : undefined;
  if (candidate === undefined) return onCpu(card.description);
  if (candidate === 'webgpu') {
    const refusal = probes.probe('webgpu');
    if (refusal !== null)
      return onCpu(`${card.description}, but WebGPU does not answer (${refusal})`);
  }
  const gain = probes.time('cpu', threads) / probes.time(candidate, threads);
  const measured = `${candidate} is ${gain.toFixed(1)} times as fast as the processor in a trial`;
  if (gain < GAIN) return onCpu(`${measured}, which is too little to be sure`);
  return { provider: candidate, reason: `auto: ${measured}` };
}

function onCpu(why: string): AutoChoice {
  return { provider: 'cpu', reason: `auto: ONNX Runtime on the CPU (${why})` };
}

/** A chain of products, the best of three runs after the first. */
function timeWork(provider: Provider, threads: number): number {
  const shape = [SIZE, SIZE];
  const graph = new GraphBuilder();
  const x = graph.input('x', 'float32', shape);
  let value = x;
  for (let index = 0; index < PRODUCTS; index++) value = graph.op('MatMul', [value, x], shape);
  const model = encodeModel(graph.finish([{ name: 'y', value }]));
  const tensor = () =>
    ({
      type: 'float32',
      location: 'cpu',
      dims: shape,
      data: new Float32Array(SIZE * SIZE),
    }) as const;
  const [feeds, fetches] = [{ x: tensor() }, { y: tensor() }];
  const session = createSession(model, { threads, spinning: false, provider });
  let best = Infinity;
  for (let run = 0; run < 4; run++) {
    const started = performance.now();
    session.run(feeds, fetches);
    if (run > 0) best = Math.min(best, performance.now() - started);
  }
  session.dispose();
  return best;
}
