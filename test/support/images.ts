/** The images of deploy/Dockerfile without an engine: the trees by scripts/image, the rest read from the file. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Image {
  /** The folder that is the container's root. */
  tree: string;
  entrypoint: string[];
  /** `NAME=value`. */
  env: string[];
}

/** The instructions of each named stage, such as `['FROM scratch', 'COPY …']`. */
function stages(): Map<string, string[]> {
  const text = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8').replace(/\\\n/g, ' ');
  const found = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of text.split('\n').filter(each => each.trim() !== '' && !each.startsWith('#'))) {
    const [, name] = /^FROM \S+ AS (\S+)$/.exec(line) ?? [];
    if (name !== undefined) {
      current = [];
      found.set(name, current);
    }
    current.push(line);
  }
  return found;
}

/**
 * Builds the image of a stage as the Dockerfile says: a tree that scripts/image makes, and nothing under or over it.
 * @param folder a new folder for the tree
 * @throws Error when the stage is anything else, for then its tree is not what an engine would build
 */
export async function buildImage(stage: string, folder: string): Promise<Image> {
  const lines = stages().get(stage) ?? [];
  const [from, copy = '', ...rest] = lines;
  const [, source = ''] = /^COPY --from=(\S+) \/tree \/$/.exec(copy) ?? [];
  const [, what] =
    /^RUN scripts\/image (\S+) \/tree \$TARGETARCH$/.exec(stages().get(source)?.at(-1) ?? '') ?? [];
  if (from !== `FROM scratch AS ${stage}` || what === undefined) {
    throw new Error(
      `stage ${stage} of deploy/Dockerfile is not a tree of scripts/image: ${lines.join('; ')}`,
    );
  }
  const image: Image = { tree: folder, entrypoint: [], env: [] };
  for (const line of rest) {
    const [, instruction, value = ''] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (instruction === 'ENTRYPOINT') image.entrypoint = JSON.parse(value);
    else if (instruction === 'ENV') image.env.push(value);
    else throw new Error(`stage ${stage} of deploy/Dockerfile: this reads no ${line}`);
  }
  await run(join(root, 'scripts/image'), [what, folder], { maxBuffer: 1 << 26 });
  return image;
}
