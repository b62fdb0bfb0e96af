/**
 * The two files of BIRD's configuration. BIRD starts with the first one (`-c`): it has the sessions, and nothing that
 * could be stale by then, such as after a reboot. In filter mode BIRD runs the second one, which also has the active
 * set and which only our `configure` names.
 */
import type { Destination } from '../base/address.ts';
import { ConfigFile } from './config-file.ts';
import type { BirdControl } from './control.ts';
import { announcedIn, renderedMark, versionIn } from './render.ts';

export interface BirdTexts {
  /** What BIRD starts with. */
  start: string;
  /** What BIRD is to run; the same in learn mode, and while nothing is active. */
  running: string;
}

export class BirdConfigFiles {
  readonly #start: ConfigFile;
  readonly #active: ConfigFile;

  /** @throws FlockError FLOCK_CONFIG_INVALID for a path that BIRD's command line can not express */
  constructor(path: string) {
    this.#start = new ConfigFile(path);
    this.#active = new ConfigFile(activePathOf(path), path);
  }

  /** BIRD's `-c`. */
  get path(): string {
    return this.#start.path;
  }

  /** What a BIRD that runs may announce by the files of a former run. */
  async announced(): Promise<ReadonlySet<Destination>> {
    const texts = [await this.#start.read(), await this.#active.read()];
    return new Set(texts.flatMap(text => [...announcedIn(text ?? '')]));
  }

  /** The version of the BIRD that the file was written for; undefined when it does not say. */
  async version(): Promise<string | undefined> {
    return versionIn((await this.#start.read()) ?? '');
  }

  /** Has BIRD check and then replaces what differs. @returns the file for `configure`; undefined is BIRD's own */
  async replace(control: BirdControl, { start, running }: BirdTexts): Promise<string | undefined> {
    if ((await this.#start.read()) !== start) await replaceFile(this.#start, control, start);
    if (running === start) return undefined;
    if ((await this.#active.read()) !== running) await replaceFile(this.#active, control, running);
    return this.#active.path;
  }

  /** To be called once BIRD runs these texts: what it no longer announces is forgotten. */
  async settle({ start, running }: BirdTexts): Promise<void> {
    if (running === start) await this.#active.remove();
  }

  /**
   * For a BIRD that does not run, and so can not check the text: only our own file is replaced.
   * @returns whether anything was written
   */
  async prepareForStart({ start }: BirdTexts): Promise<boolean> {
    await this.#active.remove();
    const found = await this.#start.read();
    if (found === start || (found !== undefined && !found.startsWith(renderedMark))) return false;
    await this.#start.stage(start);
    await this.#start.commit();
    return true;
  }
}

/** Where the configuration with the active set is. */
export function activePathOf(path: string): string {
  return `${path}.active`;
}

async function replaceFile(file: ConfigFile, control: BirdControl, text: string): Promise<void> {
  await file.stage(text);
  try {
    await control.command(`configure check "${file.stagedPath}"`);
  } catch (error) {
    await file.discard();
    throw error;
  }
  await file.commit();
}
