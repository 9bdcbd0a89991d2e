/**
 * What every process that runs tests does first. Random tests draw the same values in every run, so that a red run is a
 * change's doing and can be repeated: CHARTROOM_TEST_SEED=<number> draws others, and a failure prints the seed it had.
 */
import fc from 'fast-check';
import { endCommands } from './cli.js';
import { fileEnded } from './file-end.js';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env['CHARTROOM_TEST_SEED'] ?? 20_261_123) });

/** A test that failed leaves no process behind that mocha would wait for. */
export const mochaHooks = { afterAll: [endCommands, fileEnded] };
