/** Filter mode: BIRD announces the active set of its files, independent of tags; so the set becomes empty. */
import { FlockError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { longestFile, readTextFile } from '../base/regular-file.ts';
import { BirdConfigFiles } from '../bird/config-files.ts';
import { BirdControl, nothingListens } from '../bird/control.ts';
import { BirdManager } from '../bird/manager.ts';
import { renderedMark } from '../bird/render.ts';
import type { ResolvedAgentConfig } from '../config/agent-config.ts';
import { type NodeConfig, parseNodeConfig } from '../config/node-config.ts';

/**
 * Withdraws every anycast address that BIRD announces by its configuration. A BIRD that does not run announces none.
 *
 * @returns what was done, as a message; undefined in learn mode, unless BIRD's file has an active set because the node
 *   config had set filter mode
 * @throws FlockError when BIRD runs and can not be configured
 */
export async function withdrawFromBird(config: ResolvedAgentConfig, log: Log): Promise<string | undefined> {
  const { mode, config: configPath, socket: socketPath, kernelExport } = config.bird;
  const text = textOrNone(configPath);
  if (mode === 'learn' && (await new BirdConfigFiles(configPath).announced()).size === 0) return undefined;
  if (!text.startsWith(renderedMark))
    return `${configPath} is not a file of flock-anycast: BIRD was not configured`;
  if (!(await listens(socketPath))) return 'BIRD does not run: it announces nothing';
  const bird = new BirdManager({
    mode,
    configPath,
    socketPath,
    routes: config.routes,
    kernelExport: kernelExport !== 'never',
    log,
  });
  try {
    const { error } = await bird.apply({ nodeConfig: await nodeConfigOf(config), active: [] });
    if (error !== undefined) throw error;
    return 'BIRD announces no anycast address any more';
  } finally {
    bird.close();
  }
}

function textOrNone(path: string): string {
  try {
    return readTextFile(path, longestFile.birdConfig);
  } catch {
    return '';
  }
}

async function listens(socketPath: string): Promise<boolean> {
  try {
    (await BirdControl.open(socketPath)).close();
    return true;
  } catch (error) {
    return !nothingListens(error);
  }
}

/** Needed to render the parts that BIRD keeps: its peers, and the node's own prefixes. */
async function nodeConfigOf({ nodeConfig: { path }, bird }: ResolvedAgentConfig): Promise<NodeConfig> {
  try {
    return parseNodeConfig(readTextFile(path, longestFile.config), path);
  } catch (cause) {
    throw new FlockError(
      'FLOCK_NODE_CONFIG_INVALID',
      `BIRD still announces addresses, and can not be configured without the node config: ${(cause as Error).message}`,
      {
        value: path,
        remedy: `restore ${path}, or stop the BIRD of ${bird.socket}; then run the command again`,
        cause,
      },
    );
  }
}
