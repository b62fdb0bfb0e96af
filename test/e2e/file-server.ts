/** One API server for all tests of a file. What agents sent to it is, at the end, what today's Kubernetes takes too. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext, TestFn } from 'ava';
import { problemsIn, recordedIn } from '../support/api-record.ts';
import { releaseOfSchema } from '../support/api-schema.ts';
import { type KubeApiServer, startKubeApiServer } from '../support/kube-api-server.ts';

export interface FileServer {
  /** The server's folder, and the tests' own; removed with it. */
  dir: string;
  /** For `test.before`. The server is stopped when all tests are through. */
  start(t: ExecutionContext): Promise<KubeApiServer>;
}

export interface FileServerOptions {
  /** Ends what else the file began, before the server is stopped. */
  endFirst?: () => Promise<void>;
  /** Wrong requests that a test makes an agent send. */
  wrong?: RegExp;
}

export function serverOfFile(test: TestFn, { endFirst, wrong }: FileServerOptions = {}): FileServer {
  const dir = mkdtempSync(join(tmpdir(), 'flock-e2e-'));
  let server: KubeApiServer | undefined;
  test.after.always(async t => {
    await endFirst?.();
    await server?.stop();
    const recorded = recordedIn(dir);
    rmSync(dir, { recursive: true, force: true });
    t.log(
      `${recorded.length} different requests of agents, by the schema of Kubernetes ${releaseOfSchema()}`,
    );
    const problems = (await problemsIn(recorded)).filter(problem => !wrong?.test(problem));
    t.deepEqual(problems, []);
  });
  return {
    dir,
    async start(t) {
      t.timeout(15 * 60_000, 'the server may have to be built first');
      server = await startKubeApiServer({ dir, record: true });
      return server;
    },
  };
}
