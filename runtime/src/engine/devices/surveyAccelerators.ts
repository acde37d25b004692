import { messageOf } from '../../errors.ts';
import { compiledProviders } from '../ort/binding.ts';
import { acceleratorNames, deviceRemedies, isDevice } from './accelerators.ts';
import type { Accelerator } from './accelerators.ts';
import { findGraphicsCard } from './graphicsCard.ts';
import { isPeer, loadPeer } from './peers.ts';
import { probeDevice } from './probe.ts';

/** Whether an accelerator can be named on this machine. */
export interface AcceleratorFinding {
  readonly accelerator: Exclude<Accelerator, 'auto'>;
  readonly available: boolean;
  /** For people: what it is, or why it is absent and how to get it. */
  readonly description: string;
}

/** ONNX Runtime's providers in this platform's package; the second list needs files of its own. */
export interface ProviderLists {
  readonly bundled: readonly string[];
  readonly separate: readonly string[];
}

/** Tries out every accelerator but `auto`; loads packages, so select a back end afterwards. */
export async function surveyAccelerators(threads = 1): Promise<AcceleratorFinding[]> {
  const findings: AcceleratorFinding[] = [];
  for (const accelerator of acceleratorNames) {
    if (accelerator === 'auto') continue;
    findings.push(await examine(accelerator, threads));
  }
  return findings;
}

/** What ONNX Runtime was built with. */
export function listProviders(): ProviderLists {
  const names = (bundled: boolean) =>
    compiledProviders()
      .filter((provider) => provider.bundled === bundled)
      .map(({ name }) => name);
  return { bundled: names(true), separate: names(false) };
}

async function examine(
  accelerator: AcceleratorFinding['accelerator'],
  threads: number,
): Promise<AcceleratorFinding> {
  if (isDevice(accelerator)) {
    const refusal = probeDevice(accelerator);
    const description =
      refusal === null ? answering(accelerator) : `${refusal}. ${deviceRemedies[accelerator]}`;
    return { accelerator, available: refusal === null, description };
  }
  if (!isPeer(accelerator)) {
    const description =
      accelerator === 'ort' ? 'ONNX Runtime on the CPU' : 'plain JavaScript, one thread, slow';
    return { accelerator, available: true, description };
  }
  try {
    await loadPeer(accelerator, threads);
    return { accelerator, available: true, description: 'TensorFlow.js, installed' };
  } catch (error) {
    const description = messageOf(error).replace(/^accelerator "[^"]+":? /, '');
    return { accelerator, available: false, description };
  }
}

function answering(accelerator: string): string {
  if (accelerator !== 'webgpu') return 'answers';
  const { real, description } = findGraphicsCard();
  return real ? `answers (${description})` : `answers, perhaps in software: ${description}`;
}
