/** Writes the files in deploy/base/crds: `node scripts/crds/main.ts`. */
import { writeFileSync } from 'node:fs';
import { definitionFiles } from './definitions.ts';

for (const [name, text] of definitionFiles()) {
  writeFileSync(new URL(`../../deploy/base/crds/${name}`, import.meta.url), text);
}
