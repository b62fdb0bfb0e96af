/** An administrator who follows a page of docs/, with the checkout, kubectl, the package's command, and all rights. */
import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Block } from './page.ts';

const run = promisify(execFile);
const deploy = fileURLToPath(new URL('../../deploy', import.meta.url));

export class Administrator {
  readonly #folder: string;
  readonly #env: Record<string, string>;

  /**
   * @param folder a new one, to work in
   * @param blocks the page's, whose files are written there
   * @param options.kubectl the program
   * @param options.packageFolder where the package is installed
   */
  constructor(
    folder: string,
    blocks: readonly Block[],
    { kubeconfig, kubectl, packageFolder }: { kubeconfig: string; kubectl: string; packageFolder: string },
  ) {
    this.#folder = folder;
    const bin = join(folder, 'bin');
    mkdirSync(bin, { recursive: true });
    symlinkSync(deploy, join(folder, 'deploy'));
    symlinkSync(kubectl, join(bin, 'kubectl'));
    for (const { file, text } of blocks) if (file !== undefined) writeFileSync(join(folder, file), text);
    const command = `#!/bin/sh\nexec node ${join(packageFolder, 'dist/cli.js')} "$@"\n`;
    writeFileSync(join(bin, 'flock-anycast'), command, { mode: 0o755 });
    this.#env = {
      PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
      HOME: folder,
      KUBECONFIG: kubeconfig,
    };
  }

  /** Runs a block of commands, all of which must succeed, and gives what they print. */
  async follow(commands: string): Promise<string> {
    return (await run('sh', ['-euc', commands], { cwd: this.#folder, env: this.#env })).stdout;
  }
}
