/** The composition root: config → store → engine → http. The only file that constructs adapters. */
process.exitCode = 0;
