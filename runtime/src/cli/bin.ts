#!/usr/bin/env node
import { processHost } from './host.ts';
import { runtimeProgram } from './lightboxCLI.ts';

process.exitCode = await runtimeProgram(process.argv.slice(2), processHost());
