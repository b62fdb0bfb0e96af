/** A real BIRD in a namespace of a lab. The lab ends it at the latest when it is destroyed. */
import { type ChildProcess, execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { endChild, eventually, type Namespace } from './lab.ts';

const run = promisify(execFile);

/** Whose BIRD stands for any router: the machine's, whichever BIRD is tested on the nodes. */
const routers = new Set(['router', 'tor']);

/** The BIRD that is tested: one of `scripts/bird`, whose folder is in FLOCK_TEST_BIRD, or the machine's. */
export function birdProgram(name: 'bird' | 'birdc', role = 'node'): string {
  const { FLOCK_TEST_BIRD: folder } = process.env;
  return folder === undefined || routers.has(role) ? name : join(folder, name);
}

/** The version of the BIRD that is tested, such as `2.0.12`. */
export function birdVersion(): string {
  const { stderr } = spawnSync(birdProgram('bird'), ['--version'], { encoding: 'utf8' });
  return stderr.trim().replace('BIRD version ', '');
}

export interface BirdOptions {
  /** Names its files in the lab's folder: `<name>.conf`, `<name>.ctl`, `<name>.pid`. */
  name: string;
  /** Written to the configuration file before BIRD starts. Without it the file must be there. */
  config?: string;
  configPath?: string;
  socketPath?: string;
  /** Start as after a crash (`-R`): peers that kept our routes learn that forwarding never stopped. */
  recover?: boolean;
}

export class BirdProcess {
  readonly configPath: string;
  readonly socketPath: string;
  readonly #child: ChildProcess;
  readonly #client: string;
  readonly #output: string[] = [];
  /** Called with what it logs, when it does. */
  onLog: (text: string) => void = () => {};

  constructor(child: ChildProcess, client: string, configPath: string, socketPath: string) {
    this.#child = child;
    this.#client = client;
    this.configPath = configPath;
    this.socketPath = socketPath;
    child.stderr?.setEncoding('utf8');
    child.stderr?.on('data', (text: string) => {
      this.#output.push(text);
      this.onLog(text);
    });
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Everything it has logged so far. */
  get log(): string {
    return this.#output.join('');
  }

  /** Runs a command by birdc, a client that is not ours, and gives its answer. */
  async command(text: string): Promise<string> {
    const { stdout } = await run(this.#client, ['-s', this.socketPath, text], {
      maxBuffer: 1 << 26,
    });
    return stdout;
  }

  /** Asks it to leave, as systemd does, and waits until it has. */
  async stop(): Promise<void> {
    await endChild(this.#child, 5000);
  }

  /** Ends it with no chance to clean up, as the OOM killer does. */
  async kill(): Promise<void> {
    if (!this.running) return;
    const exited = new Promise(resolve => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await exited;
  }

  /** Sends a signal, such as SIGSTOP for a BIRD that hangs. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/**
 * Starts BIRD in a namespace and waits until its control socket answers.
 * It runs as the caller's user and in the foreground, so that it works in a user namespace too.
 *
 * @throws Error with what BIRD logged, when it ends instead (a configuration it refuses, say)
 */
export async function startBird(
  namespace: Namespace,
  { name, config, configPath, socketPath, recover = false }: BirdOptions,
): Promise<BirdProcess> {
  const { lab, role } = namespace;
  const { dir } = lab;
  const configFile = configPath ?? join(dir, `${name}.conf`);
  const socket = socketPath ?? join(dir, `${name}.ctl`);
  if (config !== undefined) writeFileSync(configFile, config);
  const child = namespace.spawn(
    birdProgram('bird', role),
    ['-f', '-c', configFile, '-s', socket, '-P', join(dir, `${name}.pid`), ...(recover ? ['-R'] : [])],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const bird = new BirdProcess(child, birdProgram('birdc', role), configFile, socket);
  let failure: Error | undefined;
  child.once('error', error => {
    failure = error;
  });
  await eventually(`the control socket of bird ${name}`, async () => {
    if (failure !== undefined || !bird.running) return true;
    return (await bird.command('show status')).includes('up and running');
  });
  if (failure !== undefined) throw failure;
  if (!bird.running) {
    throw new Error(`bird ${name} ended at once: ${bird.log.trim()}`);
  }
  return bird;
}
