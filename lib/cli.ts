#!/usr/bin/env node
/**
 * The way into the command line. An old Node is refused here in one line, before anything is imported that it can
 * not load or that fails in it later: an import statement would be executed before this file's first line.
 */
import { readFileSync } from 'node:fs';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  engines: { node: string };
};

const numbers = (version: string) => version.replace(/^>=/, '').split('.').map(Number);
const [major = 0, minor = 0] = numbers(process.versions.node);
const [neededMajor = 0, neededMinor = 0] = numbers(engines.node);

if (major < neededMajor || (major === neededMajor && minor < neededMinor)) {
  process.stderr.write(
    `flock-anycast: Node ${engines.node} is needed; this one is ${process.versions.node} (${process.execPath})\n`,
  );
  process.exitCode = 1;
} else {
  await import('./cli/command-line.ts');
}
