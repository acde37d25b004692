/** `maxEpochs` -> `max_epochs`: how an option is spelt in YAML and on the command line. */
export function toSnake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/^_/, '');
}

/** `max_epochs` -> `maxEpochs`: how an option is spelt in code. */
export function toCamel(name: string): string {
  return name.replace(/(?<=[^_])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** The last name of a class path: `EarlyStopping` of `lightbox.callbacks.EarlyStopping`. */
export function shortClassName(classPath: string): string {
  return classPath.split(/[.#/]/).at(-1) ?? classPath;
}

/** The key under which an overlay addresses a class in a list: `early_stopping`. */
export function classKey(classPath: string): string {
  return toSnake(shortClassName(classPath));
}
