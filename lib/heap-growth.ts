/**
 * Limits how far V8's heap grows beyond the live objects. The program imports this file first, for its side effect.
 *
 * By default V8 lets the space for young objects grow to 128 MB, and the rest to four times the live objects, which
 * suits programs that always allocate much. The agent is mostly idle. When 100,000 destinations change at once, a
 * collection of young objects blocks the event loop for less than 1 ms instead of 10 to 17; after six such changes
 * the program uses 460 MB instead of 720. With 10,000 destinations there is no difference.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--heap-growing-percent=100');
