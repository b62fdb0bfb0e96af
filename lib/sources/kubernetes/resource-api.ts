/** Names of the custom resources in the Kubernetes API. */

export const resourceGroup = 'anycast.flock-anycast.io';
export const resourceVersion = 'v1alpha1';
export const resourceApiVersion = `${resourceGroup}/${resourceVersion}`;

/** The NodeConfig that applies to all nodes. A node of this name can not have one of its own. */
export const defaultNodeConfigName = 'default';

/** @param plural such as `nodeconfigs` */
export function resourcePath(plural: string): string {
  return `/apis/${resourceApiVersion}/${plural}`;
}

/** The path of the status of one object. */
export function statusPath(plural: string, name: string): string {
  return `${resourcePath(plural)}/${encodeURIComponent(name)}/status`;
}
