/** Loaded first in each test process of scripts/test-sanitized. */

// For Node alone: ip loses its output when it is checked for leaks on its way out.
delete process.env.LD_PRELOAD;

// ava ends its processes by signal, and a process is checked for leaks only when it ends by itself. Taken now,
// because ava puts its own in place of it.
const { exit } = process;
process.once('SIGTERM', () => exit.call(process, 0));
