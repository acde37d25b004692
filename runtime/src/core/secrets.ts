import { isPlainObject, type Json, type JsonObject } from './json.ts';

/** True for names of variables that hold secrets: WANDB_API_KEY, HF_TOKEN, DB_PASSWORD, ... */
export function isSecretName(name: string): boolean {
  return /KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL/i.test(name) && !/TOKENIZERS?_/i.test(name);
}

/** True for options of classes that hold secrets, as YAML and as TypeScript spell them. */
export function isSecretOption(key: string): boolean {
  return secretOptions.has(key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

const secretOptions = new Set(['api_key', 'password', 'access_token', 'auth_token', 'secret']);

/** True for a text that has one of `secrets` in it; short ones would be in everything. */
export function holdsSecret(text: unknown, secrets: readonly string[]): boolean {
  return (
    typeof text === 'string' && secrets.some((secret) => isLong(secret) && text.includes(secret))
  );
}

/** Arguments with `***` for the values of flags like `--model.api_key` and for all of `secrets`. */
export function maskFlags(args: readonly string[], secrets: readonly string[]): string[] {
  let hide = false;
  return args.map((arg) => {
    const isValue = hide && !arg.startsWith('--');
    const [name, value] = arg.split('=', 2) as [string, string?];
    const isSecret = name.startsWith('--') && isSecretName(name.split('.').at(-1) ?? '');
    hide = isSecret && value === undefined;
    if (isValue) return '***';
    return isSecret && value !== undefined ? `${name}=***` : maskSecrets(arg, secrets);
  });
}

/** `text` with `***` in place of each of `secrets`. */
function maskSecrets(text: string, secrets: readonly string[]): string {
  return secrets.filter(isLong).reduce((shown, secret) => shown.replaceAll(secret, '***'), text);
}

/** A copy of options without those that hold secrets, by their name or by what is in them. */
export function withoutSecretOptions(options: JsonObject, secrets: readonly string[]): JsonObject {
  const clean = (value: Json): Json => {
    if (Array.isArray(value)) return value.filter((item) => !holdsSecret(item, secrets)).map(clean);
    return isPlainObject(value) ? withoutSecretOptions(value, secrets) : value;
  };
  return Object.fromEntries(
    Object.entries(options)
      .filter(([key, value]) => !isSecretOption(key) && !holdsSecret(value, secrets))
      .map(([key, value]) => [key, clean(value)]),
  );
}

function isLong(secret: string): boolean {
  return secret.length >= 6;
}
