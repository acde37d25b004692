import { stringify } from 'yaml';
import { didYouMean, UsageError } from '../errors.ts';
import { isPostgresAddress, withoutPassword } from '../hpo/storages/rdbAddress.ts';
import { shellQuoted } from './bestConfig.ts';
import type { StudyPlace } from './studyStorage.ts';

/** What a job file is made of. */
export interface JobRequest {
  /** `slurm` or `kubernetes`. */
  readonly kind: string;
  readonly place: Pick<StudyPlace, 'name' | 'storage'>;
  /** How many machines run the command. */
  readonly hosts: number;
  /** The command line of the search, with its `--render`. */
  readonly args: readonly string[];
}

const KINDS: Readonly<Record<string, (request: JobRequest) => string>> = {
  slurm: slurmScript,
  kubernetes: kubernetesJob,
};

/**
 * A file that lets a cluster run the search's command on many machines: a Slurm array script, or a
 * Kubernetes Indexed Job. The cluster starts the command again when a machine is lost; the study
 * decides what each of them does.
 * @throws UsageError ERR_HPO_RENDER for another kind, or a study that machines cannot share
 */
export function renderJob(request: JobRequest): string {
  const { kind, place } = request;
  if (!Object.hasOwn(KINDS, kind)) {
    const names = Object.keys(KINDS);
    const message = `--render ${kind}: unknown.${didYouMean(kind, names)} There are: ${names.join(', ')}`;
    throw new UsageError('ERR_HPO_RENDER', message);
  }
  if (!isPostgresAddress(place.storage)) {
    throw new UsageError(
      'ERR_HPO_RENDER',
      `--render ${kind} needs a storage that many machines share: --storage postgresql://user@host/database`,
    );
  }
  return KINDS[kind](request);
}

function slurmScript(request: JobRequest): string {
  const { hosts, place } = request;
  const lines = [
    '#!/bin/bash',
    `#SBATCH --job-name=${jobName(place.name)}`,
    `#SBATCH --array=0-${hosts - 1}`,
    '#SBATCH --ntasks=1',
    '#SBATCH --cpus-per-task=4',
    '#SBATCH --requeue',
    '# Ahead of the time limit: running trials save, and another machine continues them.',
    '#SBATCH --signal=B:TERM@120',
    '#SBATCH --output=slurm-%A_%a.log',
    '',
    '# Sent from the project folder, which all machines must see. The password comes from',
    '# PGPASSWORD or ~/.pgpass.',
    'set -euo pipefail',
    'cd "${SLURM_SUBMIT_DIR:-.}"',
    '',
    '# In the background, so that the signal reaches it.',
    `${command(request)} &`,
    'search=$!',
    `trap 'kill -TERM "$search"' TERM INT`,
    'status=0',
    'wait "$search" || status=$?',
    '# The signal ends the first wait; the search takes until its trials are saved.',
    'if kill -0 "$search" 2>/dev/null; then',
    '  status=0',
    '  wait "$search" || status=$?',
    'fi',
    'exit "$status"',
  ];
  return lines.join('\n');
}

function kubernetesJob(request: JobRequest): string {
  const { hosts, place } = request;
  const name = jobName(place.name);
  const container = {
    name: 'search',
    image: 'REGISTRY/IMAGE:TAG',
    workingDir: '/project',
    command: ['/bin/sh', '-c', `exec ${command(request)}`],
    env: [
      {
        name: 'PGPASSWORD',
        valueFrom: { secretKeyRef: { name: `${name}-database`, key: 'password' } },
      },
    ],
    resources: { requests: { cpu: '4', memory: '8Gi' }, limits: { memory: '8Gi' } },
    volumeMounts: [{ name: 'runs', mountPath: '/project/runs' }],
  };
  const job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: {
      completionMode: 'Indexed',
      completions: hosts,
      parallelism: hosts,
      backoffLimitPerIndex: 10,
      // Every index may be started anew, whatever became of the others.
      maxFailedIndexes: hosts,
      template: {
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 120,
          containers: [container],
          volumes: [{ name: 'runs', persistentVolumeClaim: { claimName: `${name}-runs` } }],
        },
      },
    },
  };
  const comments = [
    '# An image with the project in /project, a claim that all pods mount (ReadWriteMany, so that',
    '# trials go on from their checkpoints on another machine), and a secret with the password:',
    `#   kubectl create secret generic ${name}-database --from-literal=password=...`,
  ];
  return `${comments.join('\n')}\n${stringify(job, { lineWidth: 0 }).trimEnd()}`;
}

/** `npm run hpo -- ...` without what was for the rendering, and without a password. */
function command({ args }: JobRequest): string {
  const kept: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const [flag] = args[index].split('=', 1);
    if (flag === '--render' || flag === '--hosts') {
      if (!args[index].includes('=')) index++;
      continue;
    }
    kept.push(passwordless(args[index]));
  }
  return ['npm', 'run', '--silent', 'hpo', '--', ...kept].map(shellQuoted).join(' ');
}

/** The address with its password left to PGPASSWORD. */
export function passwordless(arg: string): string {
  return arg.replace(/postgres(ql)?(\+\w+)?:\/\/.*$/i, (address) =>
    withoutPassword(address)
      .replace(':***@', '@')
      .replace(/([?&])(?:ssl)?password=\*\*\*&?/g, '$1')
      .replace(/[?&]$/, ''),
  );
}

/** Lower-case letters, digits and hyphens, as Kubernetes wants names. */
function jobName(study: string): string {
  const name = study
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return name === '' ? 'search' : `hpo-${name}`;
}
