import { LightboxCLI } from '../../../../runtime/src/cli/index.ts';
await new LightboxCLI({ seedEverythingDefault: 7 }).run();
