/** One API server for all tests of a file. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext, TestFn } from 'ava';
import { type KubeApiServer, startKubeApiServer } from '../support/kube-api-server.ts';

export interface FileServer {
  /** The server's folder, and the tests' own; removed with it. */
  dir: string;
  /** For `test.before`. The server is stopped when all tests are through. */
  start(t: ExecutionContext): Promise<KubeApiServer>;
}

/** @param endFirst ends what else the file began, before the server is stopped */
export function serverOfFile(test: TestFn, endFirst?: () => Promise<void>): FileServer {
  const dir = mkdtempSync(join(tmpdir(), 'flock-e2e-'));
  let server: KubeApiServer | undefined;
  test.after.always(async () => {
    await endFirst?.();
    await server?.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    dir,
    async start(t) {
      t.timeout(15 * 60_000, 'the server may have to be built first');
      server = await startKubeApiServer({ dir });
      return server;
    },
  };
}
