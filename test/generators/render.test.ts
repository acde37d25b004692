import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import ts from 'typescript';
import { parse } from 'yaml';
import { featureIds, taskIds, type Answers } from '../../generators/app/answers.ts';
import { render } from '../../generators/render/render.ts';
import { helpers } from '../../generators/render/helpers.ts';
import type { ProjectState } from '../../generators/render/state.ts';
import { templatesRoot } from '../../generators/common/packageRoot.ts';
import { exampleAnswers, exampleInputs } from './exampleInputs.ts';

const allFeatureSets = Array.from({ length: 2 ** featureIds.length }, (_, bits) =>
  featureIds.filter((__, index) => (bits >> index) & 1),
);
const allAnswers: Answers[] = taskIds.flatMap((task) =>
  allFeatureSets.map((features) => exampleAnswers({ task, features })),
);
const title = ({ task, features }: Answers): string =>
  `${task} with ${features.join('+') || 'nothing'}`;

describe('render', () => {
  it.each(allAnswers.map((answers) => [title(answers), answers] as const))(
    'makes these files for %s',
    (_, answers) => {
      expect([...render(answers, exampleInputs).keys()]).toMatchSnapshot();
    },
  );

  it('gives the same bytes again, also in another time zone and locale', () => {
    const first = render(exampleAnswers({ features: [...featureIds] }), exampleInputs);
    const { TZ, LC_ALL } = process.env;
    Object.assign(process.env, { TZ: 'Pacific/Apia', LC_ALL: 'tr_TR.UTF-8' });
    const second = render(exampleAnswers({ features: [...featureIds] }), exampleInputs);
    Object.assign(process.env, { TZ: TZ ?? 'UTC', LC_ALL: LC_ALL ?? 'C' });
    expect(hashes(second)).toEqual(hashes(first));
  });

  it('leaves no template mark behind', () => {
    for (const answers of allAnswers) {
      for (const [path, { bytes }] of render(answers, exampleInputs)) {
        if (/\.(gz|tgz)$/.test(path)) continue;
        expect(bytes.toString()).not.toMatch(/<%|%>|__model|__data/);
        expect(path).not.toMatch(/__|^_|\/_/);
      }
    }
  });

  it('declares no install script and pins every version exactly', () => {
    for (const answers of allAnswers) {
      const project = parsePackage(answers);
      expect(
        Object.keys(project.scripts).filter((name) => /^(pre|post)?(install|prepare)$/.test(name)),
      ).toEqual([]);
      for (const spec of Object.values({ ...project.dependencies, ...project.devDependencies })) {
        expect(spec).toMatch(
          /^(\d+\.\d+\.\d+|file:vendor\/lightbox-runtime-0\.1\.0-0123abcd\.tgz)$/,
        );
      }
    }
  });

  it('keeps author and description as data, whatever they hold', () => {
    const text = fc
      .string({ unit: 'grapheme', maxLength: 60 })
      .filter((value) => !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(value));
    fc.assert(
      fc.property(text, text, (author, description) => {
        const project = render(exampleAnswers({ author, description }), exampleInputs);
        const manifest = JSON.parse(String(project.get('package.json')?.bytes)) as object;
        expect(manifest).toMatchObject({ author, description });
        const config = parse(String(project.get('configs/digits.yaml')?.bytes)) as object;
        expect(Object.keys(config)).toEqual(['seed_everything', 'trainer', 'model', 'data']);
      }),
      { numRuns: 100 },
    );
  });
});

describe('state and base snapshot', () => {
  const project = render(exampleAnswers({ features: ['hpo'] }), exampleInputs);
  const state = JSON.parse(String(project.get('.lightbox/state.json')?.bytes)) as ProjectState;

  it('records answers, features and the runtime', () => {
    expect(state).toMatchObject({
      schema: 1,
      generator: { name: 'generator-lightbox', version: '0.1.0' },
      answers: { name: 'my-net', model: 'digits', task: 'image-classification' },
      features: ['hpo'],
      runtime: {
        file: 'vendor/lightbox-runtime-0.1.0-0123abcd.tgz',
        sha256: exampleInputs.runtimeTarball.sha256,
      },
    });
  });

  it('has hash, mode and class of every file', () => {
    const own = [...project.keys()].filter((path) => !path.startsWith('.lightbox/'));
    expect(Object.keys(state.files)).toEqual(own);
    for (const path of own) {
      const digest = createHash('sha256')
        .update(project.get(path)?.bytes ?? '')
        .digest('hex');
      expect(state.files[path]).toMatchObject({ sha256: digest, mode: '644' });
    }
    expect(state.files['src/models/digits.ts'].class).toBe('seed');
    expect(state.files['package.json'].class).toBe('data');
    expect(state.files['README.md'].class).toBe('template');
  });

  it('snapshots all text, and none of the packed runtime', () => {
    const packed = project.get('.lightbox/base.json.gz')?.bytes ?? Buffer.alloc(0);
    const base = JSON.parse(gunzipSync(packed).toString()) as Record<string, string>;
    expect(Object.keys(base)).toEqual(
      Object.keys(state.files).filter((path) => !path.endsWith('.tgz')),
    );
    expect(base['README.md']).toBe(String(project.get('README.md')?.bytes));
    expect([...packed.subarray(4, 8)]).toEqual([0, 0, 0, 0]);
    expect(packed[9]).toBe(255);
  });
});

describe('helpers', () => {
  it('q gives a literal of exactly the value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const source = ts.createSourceFile(
          'x.ts',
          `x = ${helpers.q(value)};`,
          ts.ScriptTarget.ES2023,
        );
        expect(source.statements).toHaveLength(1);
        const [statement] = source.statements;
        const { right } = (statement as ts.ExpressionStatement).expression as ts.BinaryExpression;
        expect((right as ts.StringLiteral).text).toBe(value);
      }),
      { numRuns: 300 },
    );
  });

  it('yaml gives a scalar of exactly the value', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'grapheme' }),
          fc.constantFrom('null', 'no', '1e3', '~', 'a: b', '- x', '#x', ''),
        ),
        (value) => {
          expect(parse(`key: ${helpers.yaml(value)}\n`)).toEqual({ key: value });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('comment stays on its line', () => {
    expect(helpers.comment('a\nb\u2028c\r\nd')).toBe('a b c d');
  });

  it('name refuses what is no name', () => {
    expect(() => helpers.name("x'; process.exit()")).toThrow('Not a name');
  });
});

describe('templates', () => {
  const sources = listTemplates(templatesRoot);

  it('insert values through helpers only, and hold no logic', () => {
    const marks = sources.flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/<%[\s\S]*?%>/g)].map(([mark]) => mark),
    );
    expect(marks.length).toBeGreaterThan(30);
    for (const mark of marks) {
      expect(mark).toMatch(
        /^<%- (q|json|yaml|comment|name|part)\((\w+|'[\w.]+'|`[\w./#${}]+`)\) -?%>$/,
      );
    }
  });

  it('are .ejs exactly when they insert something', () => {
    for (const path of sources) {
      expect([path, readFileSync(path, 'utf8').includes('<%')]).toEqual([
        path,
        path.endsWith('.ejs'),
      ]);
    }
  });
});

function listTemplates(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? listTemplates(path) : [path];
  });
}

function hashes(project: ReturnType<typeof render>): string[] {
  return [...project].map(
    ([path, { bytes }]) => `${path} ${createHash('sha256').update(bytes).digest('hex')}`,
  );
}

function parsePackage(
  answers: Answers,
): Record<'scripts' | 'dependencies' | 'devDependencies', Record<string, string>> {
  return JSON.parse(
    String(render(answers, exampleInputs).get('package.json')?.bytes),
  ) as ReturnType<typeof parsePackage>;
}
