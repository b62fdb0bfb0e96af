// From the last release to this version and back: npm run test:upgrade.
export default {
  files: ['test/**/*.upgrade.ts'],
  extensions: { ts: 'module' },
  workerThreads: false,
  concurrency: 1,
  timeout: '15m',
};
