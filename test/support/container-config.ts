/** What a container of a pod's spec is to runc: the OCI runtime configuration that containerd would write. */
import type { Image } from './images.ts';
import type { ApiObject } from './kube-api.ts';

export interface Mount {
  /** The folder on the host. */
  source: string;
  destination: string;
  readOnly: boolean;
}

interface Surroundings {
  image: Image;
  /** `NAME=value`, besides the image's. */
  env: string[];
  mounts: Mount[];
  /** The network namespace's path. */
  network: string;
  cgroup: string;
}

/** What a container has that drops nothing (containerd, oci/spec.go). */
const usual = [
  ...['CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP'],
  ...['SETPCAP', 'NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE'],
];

/** Of a privileged one: what this machine may lack and the kernel refuses to give is left out. */
const privilegedOnes = [...usual, 'NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE', 'SYS_NICE', 'DAC_READ_SEARCH'];

function capabilities({ privileged = false, capabilities: { drop = [], add = [] } = {} }: ApiObject) {
  const base = privileged ? privilegedOnes : drop.includes('ALL') ? [] : usual;
  return [...new Set([...base.filter((name: string) => !drop.includes(name)), ...add])].map(
    name => `CAP_${name}`,
  );
}

function bytes(quantity: string): number {
  const [, number, unit = ''] = /^(\d+)(Ki|Mi|Gi)?$/.exec(quantity) ?? [];
  if (number === undefined) throw new Error(`not a quantity of memory that this reads: ${quantity}`);
  return Number(number) * 1024 ** ['', 'Ki', 'Mi', 'Gi'].indexOf(unit);
}

const masked = ['/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'];
const readOnly = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** @param container one of a pod's `containers` or `initContainers` */
export function containerConfig(
  container: ApiObject,
  { image, env, mounts, network, cgroup }: Surroundings,
): ApiObject {
  const security = container.securityContext ?? {};
  const sets = capabilities(security);
  const limit = container.resources?.limits?.memory;
  const access = security.privileged ? 'rw' : 'ro';
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: security.runAsUser ?? 0, gid: security.runAsGroup ?? 0 },
      args: [...(container.command ?? image.entrypoint), ...(container.args ?? [])],
      env: [...image.env, ...env],
      cwd: '/',
      // Neither inheritable nor ambient ones: Kubernetes gives none.
      capabilities: { bounding: sets, effective: sets, permitted: sets },
      noNewPrivileges: security.allowPrivilegeEscalation === false,
    },
    root: { path: image.tree, readonly: security.readOnlyRootFilesystem === true },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', access] },
      ...mounts.map(({ source, destination, readOnly }) => ({
        destination,
        source,
        type: 'bind',
        options: ['rbind', 'rprivate', readOnly ? 'ro' : 'rw'],
      })),
    ],
    linux: {
      namespaces: [
        ...['mount', 'pid', 'ipc', 'uts'].map(type => ({ type })),
        { type: 'network', path: network },
      ],
      cgroupsPath: cgroup,
      resources: { ...(limit !== undefined && { memory: { limit: bytes(limit) } }) },
      ...(!security.privileged && { maskedPaths: masked, readonlyPaths: readOnly }),
    },
  };
}
