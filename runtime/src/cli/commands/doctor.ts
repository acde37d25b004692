import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as os from 'node:os';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { listProviders, selectBackend, surveyAccelerators } from '../../engine/index.ts';
import { byteSizeText } from '../../data/cache/byteSize.ts';
import { cacheFolder } from '../../data/cache/cacheFolder.ts';
import { CacheStore } from '../../data/cache/cacheStore.ts';
import { messageOf } from '../../errors.ts';
import { findProjectRoot, type Host } from '../host.ts';
import type { Command } from './command.ts';
import { limitText } from './dataEntries.ts';

/** One line of the report. */
interface Finding {
  readonly name: string;
  readonly value: string;
  /** `bad` ends the command with 1. */
  readonly state: 'good' | 'note' | 'bad';
}

/** Looks at machine, back ends, folders and packages. */
export const doctor: Command = {
  describe: 'Report about this machine: Node, cores, back ends and their speed, folders, packages.',
  flags: { json: { takes: 'switch', describe: 'Print JSON.' } },
  configured: false,
  async run({ host, args }) {
    const findings = [
      ...machine(),
      ...(await backends()),
      ...folders(host),
      cacheFinding(host),
      terminalFinding(host),
      ...packages(host),
    ];
    if (args.options.has('json')) host.print(JSON.stringify(findings, null, 2));
    else host.print(findings.map(format).join('\n'));
    return findings.some(({ state }) => state === 'bad') ? 1 : 0;
  },
};

function format({ name, value, state }: Finding): string {
  const mark = { good: 'ok  ', note: 'note', bad: 'BAD ' }[state];
  return `${mark}  ${name.padEnd(16)} ${value}`;
}

function machine(): Finding[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const supported = (major === 20 && minor >= 17) || (major === 22 && minor >= 9) || major > 22;
  const cpu = os.cpus().at(0)?.model.trim() ?? 'unknown processor';
  const free = os.freemem() / 2 ** 30;
  return [
    {
      name: 'Node',
      value: `${process.version}${supported ? '' : ' (needs 20.17 or newer 20, or 22.9 and newer)'}`,
      state: supported ? 'good' : 'bad',
    },
    { name: 'System', value: `${os.type()} ${os.release()} ${os.arch()}`, state: 'good' },
    { name: 'Cores', value: `${String(os.availableParallelism())}, ${cpu}`, state: 'good' },
    {
      name: 'Memory',
      value: `${(os.totalmem() / 2 ** 30).toFixed(1)} GB, ${free.toFixed(1)} GB free`,
      state: free < 0.5 ? 'note' : 'good',
    },
  ];
}

/** Each accelerator that can be named, then what `auto` takes and how fast the back ends are. */
async function backends(): Promise<Finding[]> {
  const findings = (await surveyAccelerators()).map((finding): Finding => {
    const { accelerator, available, description } = finding;
    const value = available ? `available: ${description}` : `not available: ${description}`;
    return { name: `  ${accelerator}`, value, state: available ? 'good' : 'note' };
  });
  const installed = new Set(findings.filter(({ state }) => state === 'good').map(nameOf));
  for (const accelerator of ['wasm', 'cpu', 'auto']) {
    if (accelerator !== 'auto' && !installed.has(accelerator)) continue;
    findings.push(await speedOf(accelerator));
  }
  const { bundled, separate } = listProviders();
  const extra = separate.length === 0 ? '' : `; with files of their own: ${separate.join(', ')}`;
  findings.push({
    name: 'onnxruntime',
    value: `${versionOf('onnxruntime-node')}, providers: ${bundled.join(', ')}${extra}`,
    state: 'good',
  });
  return [
    { name: 'Accelerators', value: 'names for trainer.accelerator', state: 'good' },
    ...findings,
  ];
}

function nameOf({ name }: Finding): string {
  return name.trim();
}

async function speedOf(accelerator: string): Promise<Finding> {
  try {
    const { name, device, threads, reason } = await selectBackend({ accelerator });
    const speed = measureMatMul(accelerator === 'cpu' ? 128 : 512).toFixed(1);
    const chosen = accelerator === 'auto' ? 'chosen ' : '';
    const where = device === 'cpu' ? '' : ` on ${device}`;
    return {
      name: `Back end ${name}`,
      value: `${chosen}(${reason})${where}, ${String(threads)} threads, matrix product ${speed} GFLOP/s`,
      state: 'good',
    };
  } catch (error) {
    const state = accelerator === 'auto' ? 'bad' : 'note';
    return { name: `Back end ${accelerator}`, value: messageOf(error), state };
  }
}

/** Billions of operations a second of an n x n product, the best of a few after warming up. */
function measureMatMul(n: number): number {
  const [a, b] = [tf.ones([n, n]), tf.ones([n, n])];
  let best = Infinity;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    const product = tf.matMul(a, b);
    product.dataSync();
    if (round > 0) best = Math.min(best, performance.now() - start);
    product.dispose();
  }
  tf.dispose([a, b]);
  return (2 * n ** 3) / best / 1e6;
}

function folders({ cwd }: Host): Finding[] {
  const runs = join(cwd, 'runs');
  const folder = existsSync(runs) ? runs : cwd;
  const { bavail, bsize } = statfsSync(folder);
  const free = (bavail * bsize) / 2 ** 30;
  let writable: Finding;
  try {
    accessSync(folder, constants.W_OK);
    writable = { name: 'Run folder', value: `${runs} can be written`, state: 'good' };
  } catch {
    const value = `${folder} cannot be written; set trainer.default_root_dir`;
    writable = { name: 'Run folder', value, state: 'bad' };
  }
  const disk: Finding = {
    name: 'Disk',
    value: `${free.toFixed(1)} GB free`,
    state: free < 1 ? 'note' : 'good',
  };
  return [disk, writable];
}

/** Which folder holds cached data, and why that one. */
function cacheFinding({ env }: Host): Finding {
  const folder = cacheFolder(null, env);
  const entries = new CacheStore(folder).entries();
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  const count = entries.length === 1 ? '1 entry' : `${String(entries.length)} entries`;
  const value = `${folder.path} (from ${folder.from}), ${count}, ${byteSizeText(bytes)} of ${limitText(env)}`;
  return { name: 'Data cache', value, state: 'good' };
}

function terminalFinding({ terminal }: Host): Finding {
  const value = terminal.isTTY
    ? `interactive, ${String(terminal.columns)} columns, ${terminal.color ? 'colours' : 'no colours'}`
    : 'not interactive: plain lines, no keys';
  return { name: 'Terminal', value, state: 'good' };
}

function packages({ cwd }: Host): Finding[] {
  const manifest = ownManifest();
  const require = createRequire(join(findProjectRoot(cwd), 'package.json'));
  const peers = Object.entries(manifest.peerDependencies ?? {}).map(([name, range]): Finding => {
    try {
      require.resolve(`${name}/package.json`);
      return { name: 'Optional', value: `${name} is installed`, state: 'good' };
    } catch {
      const command = `npm install ${name}@${range.replace(/^>=/, '')}`;
      return { name: 'Optional', value: `${name} is not installed: ${command}`, state: 'note' };
    }
  });
  return [
    { name: 'Runtime', value: `lightbox-runtime ${manifest.version}`, state: 'good' },
    ...peers,
  ];
}

interface Manifest {
  readonly version: string;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

function ownManifest(): Manifest {
  const path = new URL('../../../package.json', import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
}

function versionOf(name: string): string {
  try {
    const require = createRequire(import.meta.url);
    let folder = dirname(require.resolve(name));
    while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest).version;
  } catch (error) {
    return messageOf(error);
  }
}
