// The slow suite: a real API server, and the demo.
export default {
  files: ['test/**/*.e2e.ts'],
  extensions: { ts: 'module' },
  workerThreads: false,
  concurrency: 2,
  timeout: '15m',
};
