// The packed package where it belongs: other systems, processors, versions of Node and package managers.
export default {
  files: ['test/**/*.machine.ts'],
  extensions: { ts: 'module' },
  workerThreads: false,
  concurrency: 1,
  timeout: '15m',
};
