/** The manifests of deploy/base, as kustomize would combine them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import type { ApiObject } from './kube-api.ts';

export const baseFolder = fileURLToPath(new URL('../../deploy/base', import.meta.url));

/** Every object of the base, in the order of its kustomization, which does not change them. */
export function baseManifests(): ApiObject[] {
  const read = (path: string) =>
    parseAllDocuments(readFileSync(join(baseFolder, path), 'utf8')).map(document => document.toJS());
  const [kustomization] = read('kustomization.yaml');
  return kustomization.resources.flatMap(read);
}

/** A file of a component outside the base: one object, or a part of one that is merged into the base's. */
export function componentManifest(component: string, file: string): ApiObject {
  return parse(readFileSync(join(baseFolder, '../components', component, file), 'utf8'));
}

/** Starts a program with the rights of the agent in deploy/base/agent.yaml: uid 0, NET_ADMIN, and no way to get more. */
export const asInManifest = [
  'setpriv',
  '--bounding-set=-all,+net_admin',
  '--inh-caps=-all',
  '--no-new-privs',
];
