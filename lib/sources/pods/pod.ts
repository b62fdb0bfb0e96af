/** A pod, trimmed to what decides about routes, to save memory on every node of a cluster. */
import { z } from 'zod';
import { FlockError } from '../../base/errors.ts';
import { quoted, shortened } from '../../base/quoted.ts';
import { parsedOrIssue } from '../../config/address-schema.ts';

/** One pod as it is now; never changed in place. */
export interface Pod {
  readonly namespace: string;
  readonly name: string;
  /** Identifies the pod object; a name can be used again, a uid can not. */
  readonly uid: string;
  /**
   * Of a static pod: the uid by which the kubelet and its CNI know it, a hash of its manifest. `uid` is that of the
   * mirror pod, which the kubelet makes at the API server.
   */
  readonly staticUid?: string;
  readonly nodeName?: string;
  /** The condition `Ready` is `True`. */
  readonly ready: boolean;
  /**
   * The condition `Ready` is not `True` although `ContainersReady` is and all readiness gates hold. A kubelet writes
   * `True` then (pkg/kubelet/status/generate.go): it was the node controller, which lost the node for a while.
   */
  readonly notOwnWord?: boolean;
  /** It has a deletionTimestamp; `ready` may stay true while its containers answer. */
  readonly terminating: boolean;
  /** None of its containers runs or will run again. */
  readonly containersTerminated: boolean;
  readonly hostNetwork: boolean;
  /** The service account it runs as; `default` if the pod names none. */
  readonly serviceAccount: string;
  /** Its unicast addresses as canonical text, at most one per family in Kubernetes. */
  readonly podIPs: readonly string[];
  /** Only those whose keys have one of the prefixes requested. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** `namespace/name`, the key of a pod everywhere. */
export function podKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

const label = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a namespace name (RFC 1123 label, 63 characters)');
export const objectName = z
  .string()
  .regex(
    /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/,
    'must be a Kubernetes object name (RFC 1123, 253 characters)',
  );
const address = z.string().transform((text, context) => parsedOrIssue(text, context)?.text ?? z.NEVER);
const containerStatuses = z
  .array(z.object({ state: z.object({ terminated: z.unknown(), running: z.unknown() }).partial().nullish() }))
  .nullish();

/** Set by the kubelet on a static pod, and with it on the mirror pod (pkg/kubelet/types, ConfigHashAnnotationKey). */
const staticUidAnnotation = 'kubernetes.io/config.hash';

/** The fields of a v1 Pod that are read; the others are ignored. */
const manifestSchema = z.object({
  apiVersion: z.literal('v1').nullish(),
  kind: z.literal('Pod').nullish(),
  metadata: z.object({
    namespace: label.nullish(),
    name: objectName,
    uid: z.string().min(1).max(128),
    deletionTimestamp: z.string().nullish(),
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
  spec: z
    .object({
      nodeName: z.string().nullish(),
      hostNetwork: z.boolean().nullish(),
      serviceAccountName: z.string().nullish(),
      containers: z.array(z.unknown()).nullish(),
      readinessGates: z.array(z.object({ conditionType: z.string() })).nullish(),
    })
    .nullish(),
  status: z
    .object({
      phase: z.string().nullish(),
      conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish(),
      podIP: z.literal('').or(address).nullish(),
      podIPs: z.array(z.object({ ip: address })).nullish(),
      containerStatuses,
      initContainerStatuses: containerStatuses,
    })
    .nullish(),
});

type Manifest = z.output<typeof manifestSchema>;
type Status = NonNullable<Manifest['status']>;

/**
 * Reads a v1 Pod object in the form of the Kubernetes API and of `kubectl get pod -o json`.
 *
 * @param object the parsed JSON or YAML, of any shape
 * @param origin how messages name it, such as the path of its file
 * @param annotationPrefixes only annotations whose key begins with one of these are kept
 * @throws FlockError FLOCK_POD_INVALID naming `origin`, the first wrong field and its value
 */
export function podFromManifest(
  object: unknown,
  origin: string,
  annotationPrefixes: readonly string[] = [],
): Pod {
  const result = manifestSchema.safeParse(object);
  if (!result.success) throw invalidPod(object, origin, result.error);
  const { metadata, spec, status } = result.data;
  const staticUid = metadata.annotations?.[staticUidAnnotation];
  return {
    namespace: metadata.namespace ?? 'default',
    name: metadata.name,
    uid: metadata.uid,
    ...(staticUid && { staticUid }),
    ...(spec?.nodeName ? { nodeName: spec.nodeName } : {}),
    ready: isTrue('Ready', status),
    ...(isNotOwnWord(result.data) && { notOwnWord: true }),
    terminating: Boolean(metadata.deletionTimestamp),
    containersTerminated: areContainersTerminated(spec?.containers?.length ?? 0, status ?? {}),
    hostNetwork: spec?.hostNetwork ?? false,
    serviceAccount: spec?.serviceAccountName || 'default',
    podIPs: podIPs(status ?? {}),
    // fromEntries and not assignment, so that a key such as `__proto__` is an ordinary key.
    annotations: Object.fromEntries(
      Object.entries(metadata.annotations ?? {}).filter(([key]) =>
        annotationPrefixes.some(prefix => key.startsWith(prefix)),
      ),
    ),
  };
}

function isTrue(condition: string, status: Manifest['status']): boolean {
  return status?.conditions?.some(({ type, status }) => type === condition && status === 'True') ?? false;
}

function isNotOwnWord({ spec, status }: Manifest): boolean {
  return (
    status?.conditions?.some(({ type, status }) => type === 'Ready' && status !== 'True') === true &&
    isTrue('ContainersReady', status) &&
    (spec?.readinessGates ?? []).every(({ conditionType }) => isTrue(conditionType, status))
  );
}

/** `status.podIPs` exists since dual stack; a hand-written manifest may have only the older `podIP`. */
function podIPs({ podIP, podIPs }: Status): string[] {
  const addresses = podIPs?.map(({ ip }) => ip) ?? [];
  if (addresses.length === 0 && podIP) addresses.push(podIP);
  return [...new Set(addresses)];
}

/**
 * The phase Succeeded or Failed means so, but a kubelet sets it late. Before that, every container must have ended,
 * and no sidecar (an init container that goes on running) may still run.
 */
function areContainersTerminated(
  containers: number,
  { phase, containerStatuses, initContainerStatuses }: Status,
): boolean {
  if (phase === 'Succeeded' || phase === 'Failed') return true;
  const statuses = containerStatuses ?? [];
  return (
    statuses.length > 0 &&
    statuses.length >= containers &&
    statuses.every(({ state }) => state?.terminated) &&
    !initContainerStatuses?.some(({ state }) => state?.running)
  );
}

function invalidPod(object: unknown, origin: string, error: z.ZodError): FlockError {
  const [issue] = error.issues;
  const path = issue?.path ?? [];
  const value = path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    object,
  );
  const field = path.length === 0 ? 'the manifest' : shortened(path.join('.'), 200);
  const found = value === undefined ? 'is missing' : `is ${quoted(value, 80)}`;
  return new FlockError('FLOCK_POD_INVALID', `${origin}: ${field} ${found}: ${issue?.message}`, {
    value,
    remedy: `correct ${field}; the last known state of this pod stays in force until then`,
    cause: error,
  });
}
