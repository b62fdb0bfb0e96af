// Exit code 0 when node_modules holds exactly the versions that package-lock.json names.
// npm writes down what it installed in the same format; comparing the two also accepts an `npm install`
// done by hand. CommonJS and plain, for whatever Node the machine has may have to run it.
'use strict';
const { readFileSync } = require('node:fs');

const packages = file => JSON.parse(readFileSync(file, 'utf8')).packages;

try {
  const wanted = packages('package-lock.json');
  const installed = packages('node_modules/.package-lock.json');
  const differs = Object.entries(wanted).some(
    ([path, { version, optional }]) =>
      path !== '' && (installed[path] ? installed[path].version !== version : !optional),
  );
  process.exitCode = differs ? 1 : 0;
} catch {
  process.exitCode = 1;
}
