/** `npm run demo:smart`: until it is interrupted. */
import { startSmartDemo } from './smart-demo.js';

const demo = await startSmartDemo();
const { page, base, users } = demo;
process.stdout.write(`SMART apps on Chartroom, on this machine alone\n\n  open      ${page}\n  FHIR base ${base}\n`);
for (const { name, password, about } of users) process.stdout.write(`  sign in   ${name}  ${password}  (${about})\n`);
process.stdout.write('\nCtrl+C ends it, and nothing of it is kept.\n');
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void demo.stop().then(() => process.exit()));
