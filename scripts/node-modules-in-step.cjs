// Exit code 0 when node_modules has exactly the versions of package-lock.json.
// npm records what it installed in the same format; comparing the two also accepts a manual `npm install`.
// Plain CommonJS, because the machine's own Node, of any version, runs it.
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
