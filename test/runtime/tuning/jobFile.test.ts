import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
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
    // Looks deeper, where it is installed.
    const { error, stdout } = spawnSync('shellcheck', ['-'], { input: script, encoding: 'utf8' });
    if (error === undefined) expect(stdout).toBe('');
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

  it('are Jobs by the fields of the Kubernetes API, whatever the study is called', () => {
    const path = new URL('./fixtures/kubernetesJob.schema.json', import.meta.url);
    const validate = new Ajv2020({ allErrors: true, strictTypes: false }).compile(
      JSON.parse(readFileSync(path, 'utf8')) as object,
    );
    const names = ['net', 'My net', '-- É 9 --', 'x'.repeat(200), '日本', `${'a'.repeat(39)} b`];
    for (const name of names) {
      const asked = request('kubernetes');
      const job: unknown = parse(renderJob({ ...asked, place: { ...asked.place, name } }));
      validate(job);
      expect(validate.errors).toBeNull();
      // The schema does see what is wrong.
      (job as { spec: { template: { spec: object } } }).spec.template.spec = { containers: [] };
      expect(validate(job)).toBe(false);
    }
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
