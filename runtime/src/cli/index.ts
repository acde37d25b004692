export { runHpo } from './hpo.ts';
export { Lightbox } from './lightbox.ts';
export type { FitOptions, LightboxOptions, ResumeOptions } from './lightbox.ts';
export { LightboxCLI } from './lightboxCLI.ts';
export type { LightboxCLIOptions } from './lightboxCLI.ts';
