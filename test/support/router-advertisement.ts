/** A router that advertises itself once (RFC 4861 4.2), as radvd does. */
import type { Namespace } from './lab.ts';

/** Type, code, checksum (the kernel's), hop limit, flags, lifetime in seconds, reachable and retransmission time. */
const program = `
import socket, struct, sys
link = sys.argv[1]
raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex(link))
raw.sendto(struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0), ('ff02::1', 0))
`;

/** Every host on the link that accepts it gets a default route to `router`. */
export async function advertiseRouter(router: Namespace, link: string): Promise<void> {
  await router.exec('python3', '-c', program, link);
}
