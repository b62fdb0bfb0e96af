/** Validates files offline, by the same parsers as the agent; the content decides which kind a file is. */
import { parseAllDocuments } from 'yaml';
import { FlockError } from '../base/errors.ts';
import { longestFile, readTextFile } from '../base/regular-file.ts';
import { refuseDeepYaml } from '../base/yaml-text.ts';
import { parseAgentConfig } from '../config/agent-config.ts';
import { nodeConfigKeys, parseNodeConfig } from '../config/node-config.ts';
import { mergeNodeConfig, type NodeConfigSpec, nodeConfigSpecOf } from '../config/node-config-resource.ts';
import { parsePoolFile } from '../config/pool-file.ts';
import { poolOf } from '../config/pool-resource.ts';
import { parseAllocationFile } from '../sources/allocations/allocation.ts';
import { defaultNodeConfigName, resourceApiVersion } from '../sources/kubernetes/resource-api.ts';
import { nextHopNote, type PeersOf, unpeered } from './peer-reach.ts';

/** The kind of one file, or of one document in it, and its problem. */
export interface Finding {
  /** The file; with several documents also the document's number: `deploy.yaml#2`. */
  origin: string;
  /** Such as `agent config` or `AnycastPool dns`. */
  what: string;
  /** Undefined when it is valid. */
  problem?: string;
  /** It is not an object of flock-anycast, and was not checked. */
  skipped?: boolean;
  /** What is valid and may not do everywhere what is expected of it. */
  note?: string;
}

const kinds =
  'an agent config (pods), a node config (bgp), an allocation file (allocations), pools (pools, reserved), a custom resource';

/** What is checked together once every file has been read. */
interface Seen {
  nodeConfigs: Map<string, { origin: string; spec: NodeConfigSpec }>;
  peers: PeersOf[];
  /** The finding of each pool or allocation file, and its addresses. */
  addresses: { finding: Finding; prefixes: readonly string[] }[];
}

/** @param paths files of any of these kinds, YAML or JSON; NodeConfigs are also checked merged with `default` */
export function checkConfigs(paths: readonly string[]): Finding[] {
  const seen: Seen = { nodeConfigs: new Map(), peers: [], addresses: [] };
  const findings = paths.flatMap(path => checkFile(path, seen));
  const { nodeConfigs } = seen;
  const base = nodeConfigs.get(defaultNodeConfigName);
  for (const [name, { origin, spec }] of nodeConfigs) {
    if (name === defaultNodeConfigName || base === undefined) continue;
    const what = `NodeConfig ${name} over ${defaultNodeConfigName}`;
    findings.push(
      tried(origin, what, () => {
        seen.peers.push({ what, peers: mergeNodeConfig(base.spec, spec, what).bgp.peers });
      }),
    );
  }
  if (base !== undefined) {
    const peers = nodeConfigKeys.peers.safeParse(base.spec.bgp?.peers);
    if (peers.success) seen.peers.push({ what: `NodeConfig ${defaultNodeConfigName}`, peers: peers.data });
  }
  for (const { finding, prefixes } of seen.addresses) {
    const problem = finding.problem ?? unpeered(prefixes, seen.peers);
    if (problem !== undefined) finding.problem = problem;
  }
  const hasPool = findings.some(({ what }) => what.startsWith('AnycastPool'));
  if (hasPool && base !== undefined && base.spec.reserved === undefined) {
    const problem = 'spec.reserved: is missing, and no AnycastPool is honoured before it is set';
    findings.push({ origin: base.origin, what: `NodeConfig ${defaultNodeConfigName}`, problem });
  }
  return findings;
}

function checkFile(path: string, seen: Seen) {
  let text: string;
  try {
    text = readTextFile(path, longestFile.allocations);
  } catch (error) {
    return [{ origin: path, what: 'file', problem: `can not be read: ${(error as Error).message}` }];
  }
  try {
    refuseDeepYaml(text);
  } catch (error) {
    return [{ origin: path, what: 'file', problem: (error as Error).message }];
  }
  const documents = parseAllDocuments(text);
  const [failed] = documents.flatMap(({ errors }) => errors);
  if (failed !== undefined)
    return [{ origin: path, what: 'file', problem: `is not YAML: ${failed.message}` }];
  return [...documents].map((document, index): Finding => {
    const origin = documents.length > 1 ? `${path}#${index + 1}` : path;
    const object: unknown = document.toJS();
    if (typeof object !== 'object' || object === null) {
      return { origin, what: 'document', problem: `is none of these: ${kinds}` };
    }
    if ('apiVersion' in object) return checkManifest(object, origin, seen);
    if ('allocations' in object && 'version' in object) return checkAllocations(text, origin, seen);
    if ('bgp' in object) {
      return tried(origin, 'node config', () => {
        const { peers } = parseNodeConfig(String(document), origin).bgp;
        seen.peers.push({ what: `the node config ${origin}`, peers });
        return nextHopNote(peers);
      });
    }
    if ('pods' in object)
      return tried(origin, 'agent config', () => parseAgentConfig(String(document), origin));
    if (Array.isArray((object as { pools?: unknown }).pools))
      return tried(origin, 'pools', () => parsePoolFile(String(document), origin));
    return { origin, what: 'document', problem: `is none of these: ${kinds}` };
  });
}

function checkManifest(object: object, origin: string, { nodeConfigs, addresses }: Seen): Finding {
  const { apiVersion, kind, metadata } = object as {
    apiVersion?: unknown;
    kind?: unknown;
    metadata?: { name?: unknown };
  };
  const name = String(metadata?.name ?? '');
  const what = `${kind} ${name}`;
  if (apiVersion !== resourceApiVersion) return { origin, what, skipped: true };
  if (kind === 'AnycastPool') {
    let prefixes: readonly string[] = [];
    const finding = tried(origin, what, () => {
      prefixes = poolOf(object, what).cidrs;
    });
    addresses.push({ finding, prefixes });
    return finding;
  }
  if (kind !== 'NodeConfig') return { origin, what, problem: `${resourceApiVersion} has no kind ${kind}` };
  return tried(origin, what, () => {
    const spec = nodeConfigSpecOf(object, what);
    nodeConfigs.set(name, { origin, spec });
    return nextHopNote(nodeConfigKeys.peers.safeParse(spec.bgp?.peers).data ?? []);
  });
}

function checkAllocations(text: string, origin: string, { addresses }: Seen): Finding {
  let prefixes: string[] = [];
  const finding = tried(origin, 'allocation file', () => {
    const { allocations, unusable } = parseAllocationFile(text, origin);
    if (unusable[0] !== undefined) throw unusable[0].error;
    prefixes = [...allocations.values()].flatMap(each => [...each.anycast, ...each.addresses]);
  });
  addresses.push({ finding, prefixes });
  return finding;
}

/** @param parse gives a note, or anything else for none */
function tried(origin: string, what: string, parse: () => unknown): Finding {
  try {
    const note = parse();
    return { origin, what, ...(typeof note === 'string' && { note }) };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    // Messages about files already begin with the origin.
    const problem = error.message.startsWith(`${origin}: `)
      ? error.message.slice(origin.length + 2)
      : error.message;
    return { origin, what, problem };
  }
}
