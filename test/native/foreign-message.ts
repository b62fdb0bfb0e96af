/** Sends netlink messages that claim to be the kernel's, as any program with CAP_NET_ADMIN in the namespace can. */
import type { Namespace } from '../support/lab.ts';

const send = `
import socket, struct, sys
AF_NETLINK, NETLINK_ROUTE, RTM_NEWLINK, IFLA_IFNAME = 16, 0, 16, 3
port, groups, times = (int(word) for word in sys.argv[1:4])
name = b"ghost0\\0\\0"
body = struct.pack("BxHiII", 0, 1, 4242, 1, 0xffffffff) + struct.pack("HH", 4 + 7, IFLA_IFNAME) + name
message = struct.pack("IHHII", 16 + len(body), RTM_NEWLINK, 0, 0, 0) + body
one = socket.socket(AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)
outcome = "sent"
for _ in range(times):
    try: one.sendto(message, (port, groups))
    except OSError as error: outcome = error.strerror
print(outcome)
`;

export interface NetlinkPort {
  port: number;
  /** A bit for each multicast group. */
  groups: number;
}

/** The route netlink sockets of a namespace, without the kernel's own. */
export async function netlinkPorts(host: Namespace): Promise<NetlinkPort[]> {
  const lines = (await host.exec('cat', '/proc/net/netlink')).trim().split('\n').slice(1);
  return lines
    .map(line => line.trim().split(/\s+/))
    .filter(([, protocol, port]) => protocol === '0' && port !== '0')
    .map(([, , port, groups]) => ({ port: Number(port), groups: Number.parseInt(groups as string, 16) }));
}

/** Tells of an interface `ghost0`, which does not exist. @returns `sent`, or why the last one was not */
export async function sendGhost(host: Namespace, port: number, groups: number, times = 1): Promise<string> {
  return (await host.exec('python3', '-c', send, `${port}`, `${groups}`, `${times}`)).trim();
}
