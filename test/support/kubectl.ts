/** The kubectl of a suite of Debian, fetched when this machine has none yet (scripts/kubectl). */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const script = fileURLToPath(new URL('../../scripts/kubectl', import.meta.url));

export type Kubectl = (...args: string[]) => Promise<{ stdout: string; stderr: string }>;

export async function kubectlPath(suite: 'sid' | 'bookworm'): Promise<string> {
  return (await run(script, [suite])).stdout.trim();
}

/** @param kubeconfig a path */
export async function kubectlOf(suite: 'sid' | 'bookworm', kubeconfig = '/dev/null'): Promise<Kubectl> {
  const path = await kubectlPath(suite);
  const env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', KUBECONFIG: kubeconfig };
  return (...args) => run(path, args, { env, maxBuffer: 16 << 20 });
}
