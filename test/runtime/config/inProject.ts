import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig, type ConfigLayers } from '../../../runtime/src/config/loadConfig.ts';
import { parseArguments } from '../../../runtime/src/config/parseArguments.ts';
import { prepareConfig, type PreparedConfig } from '../../../runtime/src/config/prepare.ts';

/** A folder with a few TypeScript files that configurations can name. */
export const projectRoot = fileURLToPath(new URL('./project', import.meta.url));

/** Writes texts as `a.yaml`, `b.yaml`, ... into a new folder, which is the working folder. */
export function writeFiles(...texts: readonly string[]): { cwd: string; files: string[] } {
  const cwd = mkdtempSync(join(tmpdir(), 'lightbox-config-'));
  const files = texts.map((text, index) => {
    const name = `${String.fromCharCode(97 + index)}.yaml`;
    writeFileSync(join(cwd, name), text);
    return name;
  });
  return { cwd, files };
}

/** Loads the texts as files in this order, with flags over them. */
export function load(
  texts: readonly string[],
  flags: readonly string[] = [],
  more: Partial<ConfigLayers> = {},
) {
  const { overrides } = parseArguments(flags);
  return loadConfig({ ...writeFiles(...texts), overrides, ...more });
}

export function prepare(
  texts: readonly string[],
  flags: readonly string[] = [],
  more: Partial<ConfigLayers> = {},
): Promise<PreparedConfig> {
  return prepareConfig(load(texts, flags, more), { projectRoot, drawSeed: () => 4711 });
}

/** The message of the error that `run` ends with. */
export async function messageOf(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('expected an error');
}

/** What most tests start from. */
export const base = `model:
  class_path: ./net.ts#Net
  init_args:
    hidden_dim: 32
data:
  class_path: ./data.ts#Data
trainer:
  max_epochs: 3
`;
