import { shortClassName } from './names.ts';

/** What stands in for a class of another framework. */
export interface Translation {
  /** The class path to write, when there is one. */
  readonly replacement?: string;
  readonly advice: string;
}

/** First parts of Python paths and the area that has the same classes. */
const families: readonly (readonly [pattern: RegExp, area: string])[] = [
  [/^(lightning|pytorch_lightning)(\.pytorch)?\.callbacks\./, 'callbacks'],
  [/^lightning_reflow\.callbacks\./, 'callbacks'],
  [/^(lightning|pytorch_lightning)(\.pytorch)?\.loggers\./, 'loggers'],
  [/^(torch\.optim|pytorch_optimizer)\.(?!lr_scheduler)/, 'optim'],
  [/^(dataporter|lightning_dataporter)\./, 'data'],
];

/** Classes that have another name here, or none. */
const renamed: Readonly<Record<string, string>> = {
  TorchCompileCallback: 'CompileCallback',
  TQDMProgressBar: 'FlowProgressBarCallback',
  RichProgressBar: 'FlowProgressBarCallback',
  RichModelSummary: 'ModelSummary',
  WeightAveraging: 'EMA',
};

/**
 * What replaces a Python class path (`lightning.pytorch.callbacks.EarlyStopping`,
 * `mypackage.models.Net`); undefined for anything that is not one.
 */
export function translateClassPath(classPath: string): Translation | undefined {
  const family = families.find(([pattern]) => pattern.test(classPath));
  if (family !== undefined) {
    const short = shortClassName(classPath);
    const name = Object.hasOwn(renamed, short) ? renamed[short] : short;
    const replacement = `lightbox.${family[1]}.${name}`;
    return { replacement, advice: `"${classPath}" is a Python class; write "${replacement}"` };
  }
  if (classPath.startsWith('torch.')) {
    const advice = `"${classPath}" is a Python class; set optimizers and schedules in configureOptimizers()`;
    return { advice };
  }
  if (!/^[A-Za-z_]\w*(\.\w+)+$/.test(classPath) || classPath.startsWith('lightbox.')) {
    return undefined;
  }
  const parts = classPath.split('.');
  const folder = parts.slice(1, -1).join('/');
  const name = parts[parts.length - 1];
  const file = `./src/${folder === '' ? name : folder}.ts#${name}`;
  return {
    advice: `"${classPath}" looks like a Python path; write the file and its export: "${file}"`,
  };
}
