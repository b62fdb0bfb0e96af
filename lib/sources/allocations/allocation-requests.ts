/** Requests to the local API: each changes or reads the store and gives an answer. See docs/openapi.yaml. */

import { z } from 'zod';
import { describeIssues } from '../../base/describe-issues.ts';
import { FlockError } from '../../base/errors.ts';
import { shortened } from '../../base/quoted.ts';
import { podKey } from '../pods/pod.ts';
import type { Allocation } from './allocation.ts';
import { allocationBodySchema, contradictions } from './allocation-body.ts';
import type { Preconditions } from './allocation-sandbox.ts';
import type { AllocationStore } from './allocation-store.ts';
import { validContainers } from './collect-request.ts';

export interface ApiRequest {
  method: string;
  /** Path and query, as on the request line. */
  url: string;
  body: string;
}

export interface ApiAnswer {
  status: number;
  /** Undefined with status 204. */
  body?: unknown;
  /** The methods allowed, with status 405. */
  allow?: string;
}

const preconditionsSchema = z.strictObject({
  uid: z.string().min(1).optional(),
  containerId: z.string().min(1).optional(),
  hostInterface: z.string().min(1).optional(),
});
const base = '/v1/allocations';
/** Removes the allocations of containers that are gone. */
export const collectPath = '/v1/collect';
const remedy = 'see docs/openapi.yaml for the requests of this API';

export async function answerRequest(store: AllocationStore, request: ApiRequest): Promise<ApiAnswer> {
  try {
    return await route(store, request);
  } catch (error) {
    if (error instanceof FlockError)
      return failure(error.code === 'FLOCK_ALLOCATION_OTHER' ? 409 : 400, error);
    // Other errors are those of the file system.
    return failure(500, unwritable(error as Error));
  }
}

/** An answer with an error. */
export function failure(status: number, { code, message, remedy }: FlockError): ApiAnswer {
  return { status, body: { error: { code, message, ...(remedy !== undefined && { remedy }) } } };
}

async function route(store: AllocationStore, { method, url, body }: ApiRequest): Promise<ApiAnswer> {
  const { pathname, searchParams } = readUrl(url);
  if (pathname === base) {
    if (method !== 'GET') return notAllowed(method, 'GET');
    return { status: 200, body: { allocations: [...store.snapshot().values()] } };
  }
  if (pathname === collectPath) {
    if (method !== 'POST') return notAllowed(method, 'POST');
    const valid = validContainers(parsedJson(body));
    // An allocation without a containerId may be of any of them.
    const isStale = ({ containerId }: Allocation) => containerId !== undefined && !valid.has(containerId);
    return { status: 200, body: { collected: await store.releaseWhere(isStale) } };
  }
  const [namespace, name, ...rest] = pathname.startsWith(`${base}/`)
    ? pathname.slice(base.length + 1).split('/')
    : [];
  if (!namespace || !name || rest.length > 0)
    return failure(
      404,
      new FlockError('FLOCK_REQUEST_INVALID', `there is no resource ${shortened(pathname)}`, {
        value: url,
        remedy,
      }),
    );
  switch (method) {
    case 'GET':
      return show(store, namespace, name);
    case 'PUT':
      await store.commit(readBody(body, namespace, name));
      return show(store, namespace, name);
    case 'DELETE':
      await store.release(namespace, name, preconditionsIn(searchParams));
      return { status: 204 };
    default:
      return notAllowed(method, 'GET, PUT, DELETE');
  }
}

/** @throws FlockError for an unknown or repeated parameter: a misspelled precondition must not delete more */
function preconditionsIn(parameters: URLSearchParams): Preconditions {
  const given = Object.fromEntries(parameters);
  const result = preconditionsSchema.safeParse(given);
  if (result.success && parameters.size === Object.keys(given).length) return result.data;
  const words = result.success ? 'a parameter is given twice' : describeIssues(result.error);
  throw new FlockError('FLOCK_REQUEST_INVALID', `query: ${words}`, { value: given, remedy });
}

function show(store: AllocationStore, namespace: string, name: string): ApiAnswer {
  const key = podKey(namespace, name);
  const allocation = store.snapshot().get(key);
  if (allocation !== undefined) return { status: 200, body: allocation };
  const words = `there is no allocation for ${key}`;
  return failure(
    404,
    new FlockError('FLOCK_ALLOCATION_UNKNOWN', words, { value: key, remedy: 'PUT one first' }),
  );
}

/** Names of Kubernetes objects need no escapes, so the path is not unescaped. */
function readUrl(url: string): URL {
  try {
    return new URL(url, 'http://localhost');
  } catch (cause) {
    throw new FlockError('FLOCK_REQUEST_INVALID', `${shortened(url)} is not a path`, {
      value: url,
      remedy,
      cause,
    });
  }
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const words = `the body is not JSON: ${shortened((cause as Error).message, 200)}`;
    throw new FlockError('FLOCK_REQUEST_INVALID', words, { remedy, cause });
  }
}

function readBody(text: string, namespace: string, name: string): Allocation {
  const raw = parsedJson(text);
  const result = allocationBodySchema.safeParse(raw);
  const issues = result.success ? contradictions(result.data, namespace, name) : describeIssues(result.error);
  if (result.success && issues === '') return { ...result.data, namespace, name };
  throw new FlockError('FLOCK_ALLOCATIONS_INVALID', issues, { value: raw, remedy });
}

function notAllowed(method: string, allow: string): ApiAnswer {
  const words = `the method ${method} is not allowed here; allowed: ${allow}`;
  return {
    ...failure(405, new FlockError('FLOCK_REQUEST_INVALID', words, { value: method, remedy })),
    allow,
  };
}

function unwritable(cause: Error): FlockError {
  return new FlockError('FLOCK_ALLOCATIONS_UNWRITABLE', `nothing was changed: ${cause.message}`, {
    remedy: 'make the folder of allocations.path writable, with free space, and repeat the request',
    cause,
  });
}
