export { extractEmbeddedConfig } from './embedded.ts';
export { ConfigError } from './problems.ts';
export { translateClassPath } from './translateClassPath.ts';
