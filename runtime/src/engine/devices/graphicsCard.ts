import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { env, platform } from 'node:process';

/** Makers of graphics cards by their PCI number; virtual cards have other ones. */
const MAKERS: Readonly<Record<string, string>> = {
  '0x10de': 'NVIDIA',
  '0x1002': 'AMD',
  '0x8086': 'Intel',
};
const SOFTWARE = /swiftshader|lavapipe|lvp_icd|llvmpipe/i;

/** What is known about the graphics card of this machine. */
export interface GraphicsCard {
  /** Whether it certainly is hardware. */
  readonly real: boolean;
  /** For people: which card, or why none counts. */
  readonly description: string;
}

/** Where to look; replaced in tests. */
export interface Surroundings {
  readonly platform: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder with a subfolder for each graphics card. */
  readonly cards: string;
}

const here: Surroundings = { platform, env, cards: '/sys/class/drm' };

/**
 * Looks for a hardware graphics card without starting a driver. WebGPU answers on software
 * adapters too and does not tell them apart, so what is not certain does not count.
 */
export function findGraphicsCard(surroundings = here): GraphicsCard {
  const drivers = surroundings.env.VK_DRIVER_FILES ?? surroundings.env.VK_ICD_FILENAMES ?? '';
  if (SOFTWARE.test(drivers))
    return unreal('the Vulkan driver that the environment names is software');
  if (surroundings.platform !== 'linux') {
    return unreal('whether WebGPU here means hardware is not known beforehand');
  }
  const maker = makerOf(surroundings.cards);
  if (maker === undefined) return unreal('no graphics card found');
  return { real: true, description: `a graphics card by ${maker}` };
}

function unreal(description: string): GraphicsCard {
  return { real: false, description };
}

function makerOf(cards: string): string | undefined {
  if (!existsSync(cards)) return undefined;
  for (const name of readdirSync(cards)) {
    if (!name.startsWith('renderD')) continue;
    const file = join(cards, name, 'device', 'vendor');
    if (!existsSync(file)) continue;
    const maker = MAKERS[readFileSync(file, 'utf8').trim()];
    if (maker !== undefined) return maker;
  }
  return undefined;
}
