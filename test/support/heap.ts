/** The heap that is in use after a full collection, in bytes. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

export function heapInUse(): number {
  collect();
  return process.memoryUsage().heapUsed;
}
