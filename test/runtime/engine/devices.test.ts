import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { choose } from '../../../runtime/src/engine/devices/autoDevice.ts';
import type { Probes } from '../../../runtime/src/engine/devices/autoDevice.ts';
import { findGraphicsCard } from '../../../runtime/src/engine/devices/graphicsCard.ts';
import { selectBackend } from '../../../runtime/src/engine/index.ts';
import { compiledProviders } from '../../../runtime/src/engine/ort/binding.ts';
import * as tf from '../../../runtime/src/engine/tf.ts';
import { UsageError } from '../../../runtime/src/errors.ts';
import { tinyLoader, TinyModule } from '../../../runtime/src/testing/index.ts';
import { quietTrainer } from '../trainer/tinyRun.ts';
import { difference } from './compare.ts';

async function refusal(accelerator: string): Promise<UsageError> {
  const error: unknown = await selectBackend({ accelerator }).catch((thrown: unknown) => thrown);
  if (error instanceof UsageError) return error;
  throw new Error(`${accelerator} was not refused: ${String(error)}`);
}

describe('a named device', () => {
  const absent = ['dml', 'coreml', 'cuda'].filter(
    (name) => !compiledProviders().some((provider) => provider.name === name && provider.bundled),
  );

  it.each(absent)('that this platform has no %s for is refused with the way out', async (name) => {
    const { code, message } = await refusal(name);
    expect(code).toBe('ERR_ENGINE_DEVICE');
    expect(message).toMatch(
      new RegExp(`accelerator "${name}" does not answer: .+ It needs .+"auto"`),
    );
  });

  it.each(['tfjs-node', 'tfjs-node-gpu'])('%s names the command that installs it', async (name) => {
    const { code, message } = await refusal(name);
    expect(code).toBe('ERR_ENGINE_NOT_INSTALLED');
    expect(message).toContain(`npm install @tensorflow/${name}@4.22.0`);
  });
});

describe('other back ends of TensorFlow.js', () => {
  async function fit(accelerator: string): Promise<number[]> {
    // The quiet trainer hides Node from tfjs, but wasm has to know where it runs.
    if (accelerator === 'wasm') tf.env().set('IS_NODE', true);
    await selectBackend({ accelerator, threads: 1 });
    const module = new TinyModule();
    const trainer = await quietTrainer({
      accelerator,
      threads: 1,
      maxSteps: 20,
      accumulateGradBatches: 2,
      gradientClipVal: 0.1,
    });
    await trainer.fit({ module, trainLoader: tinyLoader({ samples: 40 }) });
    return module.parameters().flatMap(({ variable }) => [...variable.dataSync()]);
  }

  it.each(['wasm', 'cpu'])(
    'train on %s as on ort, on copies of the flat parameters',
    async (name) => {
      expect(difference(await fit(name), await fit('ort'))).toBeLessThan(1e-5);
    },
  );
});

describe('auto', () => {
  const probes = (answers: Partial<Probes>): Probes => ({
    probe: (provider) => (provider === 'cuda' ? 'no library' : null),
    card: () => ({ real: true, description: 'a graphics card by NVIDIA' }),
    time: (provider) => (provider === 'cpu' ? 50 : 5),
    ...answers,
  });

  it('takes a hardware device that is clearly faster', () => {
    const { provider, reason } = choose(2, probes({}));
    expect(provider).toBe('webgpu');
    expect(reason).toBe('auto: webgpu is 10.0 times as fast as the processor in a trial');
  });

  it('prefers cuda where it answers', () => {
    expect(choose(2, probes({ probe: () => null })).provider).toBe('cuda');
  });

  it('never starts WebGPU where the card may be software', () => {
    const asked: string[] = [];
    const choice = choose(
      2,
      probes({
        card: () => ({ real: false, description: 'no graphics card found' }),
        probe: (provider) => {
          asked.push(provider);
          return 'no library';
        },
      }),
    );
    expect(choice).toEqual({
      provider: 'cpu',
      reason: 'auto: ONNX Runtime on the CPU (no graphics card found)',
    });
    expect(asked).toEqual(['cuda']);
  });

  it('stays on the processor when the device does not answer or gains little', () => {
    const silent = choose(2, probes({ probe: () => 'No supported adapters' }));
    expect(silent.provider).toBe('cpu');
    expect(silent.reason).toContain('WebGPU does not answer (No supported adapters)');
    const slow = choose(2, probes({ time: (provider) => (provider === 'cpu' ? 50 : 20) }));
    expect(slow.provider).toBe('cpu');
    expect(slow.reason).toContain('2.5 times as fast');
  });
});

describe('findGraphicsCard', () => {
  function machine(vendor?: string) {
    const cards = mkdtempSync(join(tmpdir(), 'lightbox-cards-'));
    if (vendor !== undefined) {
      mkdirSync(join(cards, 'renderD128/device'), { recursive: true });
      writeFileSync(join(cards, 'renderD128/device/vendor'), `${vendor}\n`);
    }
    return { platform: 'linux', env: {}, cards };
  }

  it.each([
    ['0x10de', 'NVIDIA'],
    ['0x1002', 'AMD'],
    ['0x8086', 'Intel'],
  ])('knows the cards of maker %s', (vendor, name) => {
    const card = findGraphicsCard(machine(vendor));
    expect(card).toEqual({ real: true, description: `a graphics card by ${name}` });
  });

  it('does not count virtual cards, none, or those of other systems', () => {
    expect(findGraphicsCard(machine('0x1af4')).real).toBe(false);
    expect(findGraphicsCard(machine()).real).toBe(false);
    expect(findGraphicsCard({ ...machine('0x10de'), platform: 'win32' }).real).toBe(false);
    expect(findGraphicsCard({ ...machine(), cards: '/nowhere' }).real).toBe(false);
  });

  it.each(['/opt/vk_swiftshader_icd.json', '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json'])(
    'sees that %s is software',
    (path) => {
      const env = { VK_ICD_FILENAMES: path };
      const card = findGraphicsCard({ ...machine('0x10de'), env });
      expect(card.real).toBe(false);
      expect(card.description).toContain('software');
    },
  );
});
