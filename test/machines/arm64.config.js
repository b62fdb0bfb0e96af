// Tests of the addon in an arm64 process: in its threads, for qemu-user starts no second one.
export default {
  files: ['test/native/*.test.ts'],
  extensions: { ts: 'module' },
  workerThreads: true,
  concurrency: 1,
  timeout: '10m',
};
