/** npm's install script: builds the addon where none of the package fits, or says once what that needs. */
const { spawnSync } = require('node:child_process');
const { join } = require('node:path');
const load = require('node-gyp-build');
const { advice } = require('./advice.cjs');

// npm and node-gyp-build are told of another machine by these.
const { npm_config_platform: platform = process.platform, npm_config_arch: arch = process.arch } =
  process.env;

/** What node-gyp would fail for, with dozens of lines. */
const tools = [
  ['a C++ compiler', 'sh', ['-c', `${process.env.CXX ?? 'c++'} --version`]],
  ['make', 'make', ['--version']],
  ['python3', 'python3', ['--version']],
  ['pkg-config with libnl 3', 'pkg-config', ['--exists', 'libnl-3.0']],
];

function fits() {
  try {
    load(join(__dirname, '..'));
    return true;
  } catch {
    return false;
  }
}

const missing = tools
  .filter(([, command, args]) => spawnSync(command, args).status !== 0)
  .map(([what]) => what);
if (!fits() && missing.length > 0) {
  console.error(
    `flock-anycast: no prebuilt addon fits ${platform}-${arch}, and it can not be built without ` +
      `${missing.join(', ')}. ${advice()}`,
  );
  process.exitCode = 1;
} else {
  // Loads the addon that fits, else runs node-gyp; `--build-from-source` is for it too.
  process.exitCode =
    spawnSync(process.execPath, [require.resolve('node-gyp-build/bin.js')], { stdio: 'inherit' }).status ?? 1;
}
