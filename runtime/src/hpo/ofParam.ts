import { LightboxError } from '../errors.ts';

/** What `make` returns; its errors name the parameter. */
export function ofParam<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof LightboxError)) throw error;
    throw new LightboxError(error.code, `parameter "${name}": ${error.message}`, { cause: error });
  }
}
