// The slow suite: a real API server, and the demo. One file at a time, for each wants the machine.
export default {
  files: ['test/**/*.e2e.ts'],
  extensions: { ts: 'module' },
  workerThreads: false,
  concurrency: 1,
  timeout: '15m',
};
