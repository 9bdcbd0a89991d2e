/** What is done when a file of tests is through; in a process of `npx mocha` when all are. Loads nothing else. */
const tasks: (() => void)[] = [];

export const atFileEnd = (task: () => void): void => void tasks.push(task);

export const fileEnded = (): void => tasks.forEach(task => task());
