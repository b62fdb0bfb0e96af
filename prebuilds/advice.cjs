/** What to do where no addon of the package fits: for the error of the library, and for npm's install script. */
const { readdirSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');

/** @returns {string} which machines have an addon, and how to get one for another */
exports.advice = () =>
  `${root} has addons for ${prebuilt().join(', ') || 'no machine'}. On a musl system that is not Alpine, set ` +
  'LIBC=musl. For another machine install a C++20 compiler, make, python3, pkg-config and the headers of libnl 3 ' +
  '(Debian: build-essential python3 pkg-config libnl-3-dev; Alpine: build-base python3 pkgconf libnl3-dev; Fedora: ' +
  'gcc-c++ make python3 pkgconf libnl3-devel), then run `npm rebuild flock-anycast` (pnpm: `pnpm approve-builds`, then ' +
  '`pnpm rebuild flock-anycast`).';

/** @returns {string[]} such as `linux-x64 glibc` */
function prebuilt() {
  try {
    return readdirSync(join(root, 'prebuilds'), { recursive: true, encoding: 'utf8' }).flatMap(path => {
      const [, machine, libc] = /^([^/]+)\/[^/.]+\.(\w+)\.node$/.exec(path) ?? [];
      return machine === undefined ? [] : [`${machine} ${libc}`];
    });
  } catch {
    return [];
  }
}
