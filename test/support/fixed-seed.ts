/**
 * Random tests draw the same values in every run, so that a red run is a change's doing and can be repeated.
 * CHARTROOM_TEST_SEED=<number> draws others; a failure prints the seed it had.
 */
import fc from 'fast-check';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env['CHARTROOM_TEST_SEED'] ?? 20_261_123) });
