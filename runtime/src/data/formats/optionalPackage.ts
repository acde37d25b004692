import { messageOf, UsageError } from '../../errors.ts';

/** Versions that this package is tested with. */
const versions = {
  sharp: '0.35.5',
  '@napi-rs/image': '1.15.0',
  '@jsquash/jpeg': '1.6.0',
  '@jsquash/png': '3.1.1',
  'apache-arrow': '21.2.0',
} as const;

export type OptionalPackage = keyof typeof versions;

/** The error for a package that must be installed first. */
export function missingPackage(names: readonly OptionalPackage[], purpose: string): UsageError {
  const commands = names.map((name) => `npm install ${name}@${versions[name]}`).join(' or ');
  return new UsageError(
    'ERR_DATA_PACKAGE',
    `${purpose} needs a package that is not installed: ${commands}`,
  );
}

/** True for the error of importing a package that is not there. */
export function isMissing(error: unknown): boolean {
  const code = (error as { code?: string } | null)?.code;
  return (
    code === 'ERR_MODULE_NOT_FOUND' ||
    code === 'MODULE_NOT_FOUND' ||
    messageOf(error).startsWith('Cannot find module')
  );
}
