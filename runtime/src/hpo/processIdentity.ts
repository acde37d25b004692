import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { kill, pid } from 'node:process';

/** Which process of which machine; enough to tell later whether it still lives. */
export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /** When the process started, in the system's own unit; tells apart two owners of one number. */
  readonly started: string;
  /** Changes with every boot, so that no process survives it. Empty where unknown. */
  readonly boot: string;
  /** Processes of another namespace (container) cannot be seen from here. Empty where unknown. */
  readonly namespace: string;
}

/** `gone` is certain; `unknown` means another machine or container, where only time can tell. */
export type Liveness = 'alive' | 'gone' | 'unknown';

/** The identity of this process. */
export function ownIdentity(): ProcessIdentity {
  return identityOf(pid);
}

/** The identity of a process of this machine. */
export function identityOf(id: number): ProcessIdentity {
  return {
    host: hostname(),
    pid: id,
    started: startOf(id) ?? '',
    boot: bootId(),
    namespace: namespaceId(),
  };
}

/** Whether the process still runs, as far as this machine can know. */
export function livenessOf(identity: ProcessIdentity): Liveness {
  if (identity.host !== hostname()) return 'unknown';
  if (identity.boot !== bootId()) return 'gone';
  if (identity.namespace !== namespaceId()) return 'unknown';
  if (!exists(identity.pid)) return 'gone';
  const started = startOf(identity.pid);
  return started === undefined || identity.started === '' || started === identity.started
    ? 'alive'
    : 'gone';
}

/** Reads what {@link ownIdentity} wrote; undefined for anything else. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    const value = JSON.parse(text) as Partial<ProcessIdentity> | null;
    if (typeof value?.host !== 'string' || typeof value.pid !== 'number') return undefined;
    const { host, pid: id, started = '', boot = '', namespace = '' } = value;
    return { host, pid: id, started, boot, namespace };
  } catch {
    return undefined;
  }
}

function exists(id: number): boolean {
  try {
    kill(id, 0);
  } catch (error) {
    // Not allowed to signal it means that it is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return !isZombie(id);
}

/** Killed, but its parent has not looked yet: it will do nothing any more. */
function isZombie(id: number): boolean {
  return statFields(id)?.[0] === 'Z';
}

function startOf(id: number): string | undefined {
  return statFields(id)?.[19];
}

/** /proc/<pid>/stat from the third field on; the second, the command, may hold spaces. */
function statFields(id: number): string[] | undefined {
  const text = readText(`/proc/${id}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

function namespaceId(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
