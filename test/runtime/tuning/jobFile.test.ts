import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { renderJob } from '../../../runtime/src/tuning/jobFile.ts';

const storage = 'postgresql://me:s3cret@db/studies';
const request = (kind: string) => ({
  kind,
  place: { name: 'My net', folder: 'runs/hpo/My net', storage },
  hosts: 3,
  args: ['--render', kind, '--hosts=3', '--n-trials', '20', '--storage', storage],
});
const command = 'npm run --silent hpo -- --n-trials 20 --storage postgresql://me@db/studies';

describe('job files', () => {
  it('run the command in a Slurm array that bash accepts', () => {
    const script = renderJob(request('slurm'));
    expect(script).toContain('#SBATCH --array=0-2\n');
    expect(script).toContain(`${command} &\n`);
    expect(script).not.toContain('s3cret');
    expect(spawnSync('bash', ['-n'], { input: script }).status).toBe(0);
  });

  it('run the command in a Kubernetes Indexed Job', () => {
    const text = renderJob(request('kubernetes'));
    expect(text).not.toContain('s3cret');
    expect(parse(text)).toMatchObject({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'hpo-my-net' },
      spec: {
        completionMode: 'Indexed',
        completions: 3,
        parallelism: 3,
        template: { spec: { containers: [{ command: ['/bin/sh', '-c', `exec ${command}`] }] } },
      },
    });
  });

  it('are refused for other clusters and for journals', () => {
    expect(() => renderJob(request('slrum'))).toThrow('Did you mean "slurm"?');
    const local = {
      ...request('slurm'),
      place: { ...request('slurm').place, storage: 'a.journal' },
    };
    expect(() => renderJob(local)).toThrow('needs a storage that many machines share');
  });
});
