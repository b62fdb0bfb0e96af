/**
 * CEL with the functions of Kubernetes for addresses (isIP, ip, isCIDR, cidr), as far as our rules use them, by an
 * implementation that is not the server's. The server's own: test/e2e/crd-server.e2e.ts.
 */
import { isIP } from 'node:net';
import { Environment } from '@marcbachmann/cel-js';
import ipaddr from 'ipaddr.js';

class Ip {
  readonly bits: string;

  constructor(text: string) {
    const bytes = ipaddr.parse(text).toByteArray();
    this.bits = bytes.map(byte => byte.toString(2).padStart(8, '0')).join('');
  }
}

class Cidr {
  readonly ip: Ip;
  readonly length: number;

  constructor(text: string) {
    const [address = '', length] = text.split('/');
    this.ip = new Ip(address);
    this.length = Number(length);
  }

  get network(): string {
    return this.ip.bits.slice(0, this.length);
  }

  contains({ bits }: Ip): boolean {
    return bits.length === this.ip.bits.length && bits.startsWith(this.network);
  }
}

/** Go's netip.ParseAddr without zones and without IPv4-mapped addresses. */
function isAddress(text: string): boolean {
  if (isIP(text) === 0 || text.includes('%')) return false;
  const parsed = ipaddr.parse(text);
  return !(parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress());
}

/** Go's netip.ParsePrefix with the same exceptions. */
function isPrefix(text: string): boolean {
  const [address = '', length = '', ...rest] = text.split('/');
  if (rest.length > 0 || !isAddress(address) || !/^(0|[1-9]\d{0,2})$/.test(length)) return false;
  return Number(length) <= (isIP(address) === 4 ? 32 : 128);
}

function parsed<T>(kind: string, isValid: (text: string) => boolean, make: new (text: string) => T) {
  return (text: string): T => {
    if (!isValid(text)) throw new Error(`${kind} is invalid: ${text}`);
    return new make(text);
  };
}

const environment = new Environment({ unlistedVariablesAreDyn: true })
  .registerType('Ip', { ctor: Ip, fields: {} })
  .registerType('Cidr', { ctor: Cidr, fields: {} })
  .registerFunction('isIP(string): bool', isAddress)
  .registerFunction('ip(string): Ip', parsed('ip', isAddress, Ip))
  .registerFunction('Ip.family(): int', ({ bits }: Ip) => (bits.length === 32 ? 4n : 6n))
  .registerFunction('isCIDR(string): bool', isPrefix)
  .registerFunction('cidr(string): Cidr', parsed('cidr', isPrefix, Cidr))
  .registerFunction('Cidr.ip(): Ip', ({ ip }: Cidr) => ip)
  .registerFunction('Cidr.prefixLength(): int', ({ length }: Cidr) => BigInt(length))
  .registerFunction('Cidr.containsIP(Ip): bool', (prefix: Cidr, address: Ip) => prefix.contains(address))
  .registerFunction('Cidr.masked(): Cidr', ({ ip, length, network }: Cidr) =>
    Object.assign(Object.create(Cidr.prototype), {
      length,
      ip: { bits: network.padEnd(ip.bits.length, '0') },
    }),
  )
  .registerOperator(
    'Cidr == Cidr',
    (left: Cidr, right: Cidr) => left.ip.bits === right.ip.bits && left.length === right.length,
  );

/** @returns a rule as a function of `self` */
export function parseRule(rule: string): (self: unknown) => unknown {
  const evaluate = environment.parse(rule);
  return self => evaluate({ self });
}
