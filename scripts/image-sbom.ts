/**
 * Lists what the tree of an image contains, as SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3), in
 * usr/share/doc/sbom.spdx.json: node scripts/image-sbom.ts agent|bird ARCH TREE
 *
 * Debian's packages are those of usr/share/doc/SOURCES, npm's those of the agent's node_modules.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [what = '', arch = '', tree = ''] = process.argv.slice(2);
const documents = join(tree, 'usr/share/doc');

const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
const own = (path: string) => new URL(`../${path}`, import.meta.url).pathname;
const { version, license } = readJson(own('package.json'));

/** A package in SPDX. Its purl (https://github.com/package-url/purl-spec) is where scanners know it by. */
function describe(
  type: 'deb' | 'npm',
  name: string,
  version: string,
  { declared = 'NOASSERTION', source, purl }: { declared?: string; source?: string; purl?: string },
) {
  return {
    SPDXID: `SPDXRef-${type}-${`${name}-${version}`.replaceAll(/[^A-Za-z0-9.-]/g, '-')}`,
    name,
    versionInfo: version,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: declared,
    copyrightText: 'NOASSERTION',
    ...(source !== undefined && { sourceInfo: source }),
    ...(purl !== undefined && {
      externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
    }),
  };
}

function fromDebian() {
  const lines = readFileSync(join(documents, 'SOURCES'), 'utf8').trimEnd().split('\n');
  return lines.map(line => {
    const [full = '', version = '', source, sourceVersion] = line.split(' ');
    const name = full.replace(/:.*/, '');
    const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${arch}`;
    return describe('deb', name, version, { source: `built from ${source} ${sourceVersion}`, purl });
  });
}

function fromNpm() {
  const modules = join(tree, 'opt/flock-anycast/node_modules');
  if (!existsSync(modules)) return [];
  const installed = readJson(join(modules, '.package-lock.json')).packages as Record<
    string,
    { version: string; license?: string }
  >;
  const all = {
    'flock-anycast': { version, license },
    node: {
      version: readJson(own('package-lock.json')).packages['node_modules/node'].version,
      license: 'MIT',
    },
    ...installed,
  };
  const libnl = /^readonly libnl=(\S+)$/m.exec(readFileSync(own('scripts/prebuild'), 'utf8'))?.[1] ?? '';
  const linked = 'linked into the addon; its source is in prebuilds/libnl of the package';
  return [
    describe('npm', 'libnl', libnl, { declared: 'LGPL-2.1-only', source: linked }),
    ...Object.entries(all).map(([path, { version, license: declared }]) => {
      const name = path.replace(/^.*node_modules\//, '');
      const purl = `pkg:npm/${name.replace('@', '%40')}@${encodeURIComponent(version)}`;
      return describe('npm', name, version, { purl, ...(declared !== undefined && { declared }) });
    }),
  ];
}

const packages = [...fromDebian(), ...fromNpm()].sort((a, b) => (a.SPDXID < b.SPDXID ? -1 : 1));
const digest = createHash('sha256').update(JSON.stringify(packages)).digest('hex');
const sbom = {
  spdxVersion: 'SPDX-2.3',
  dataLicense: 'CC0-1.0',
  SPDXID: 'SPDXRef-DOCUMENT',
  name: `flock-anycast ${what} ${version} ${arch}`,
  documentNamespace: `https://spdx.org/spdxdocs/flock-anycast-${what}-${version}-${arch}-${digest}`,
  // No time of its own, so that the same contents are the same image.
  creationInfo: { created: '1970-01-01T00:00:00Z', creators: [`Tool: flock-anycast-${version}`] },
  packages,
  relationships: packages.map(({ SPDXID }) => ({
    spdxElementId: 'SPDXRef-DOCUMENT',
    relationshipType: 'DESCRIBES',
    relatedSpdxElement: SPDXID,
  })),
};
writeFileSync(join(documents, 'sbom.spdx.json'), `${JSON.stringify(sbom, null, 2)}\n`);
