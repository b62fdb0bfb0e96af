/**
 * Makes replies to a process's netlink sockets go lost, behind the addon's back, as nothing but another program
 * with pidfd_getfd(2) could: the addon chose its window for the buffer that was granted.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const meddle = `
import ctypes, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
pid, what = int(sys.argv[1]), sys.argv[2]
pidfd = libc.syscall(434, pid, 0)
taken = []
for name in sorted(os.listdir(f"/proc/{pid}/fd"), key=int):
    try:
        if not os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"): continue
    except OSError: continue
    number = libc.syscall(438, pidfd, int(name), 0)
    if number < 0: sys.exit("pidfd_getfd: " + os.strerror(ctypes.get_errno()))
    one = socket.socket(fileno=number)
    if one.family == socket.AF_NETLINK: taken.append(one)
if what == "shrink":
    for one in taken: one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
elif what == "restore":
    SO_DETACH_FILTER = 27
    taken[int(sys.argv[3])].setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
else:
    SO_ATTACH_FILTER, BPF_RET = 26, 6
    nothing = ctypes.create_string_buffer(struct.pack("HBBI", BPF_RET, 0, 0, 0))
    program = struct.pack("HP", 1, ctypes.addressof(nothing))
    taken[int(sys.argv[3])].setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
`;

const run = (pid: number, ...what: string[]) =>
  promisify(execFile)('python3', ['-c', meddle, String(pid), ...what]).then(() => undefined);

/** Leaves every socket the smallest receive buffer there is: a few replies fit. */
export const shrinkReceiveBuffers = (): Promise<void> => run(process.pid, 'shrink');

/** Drops whatever one socket should receive; they count from 0 in the order of their opening. */
export const silence = (socket: number, pid = process.pid): Promise<void> =>
  run(pid, 'silence', String(socket));

/** Ends `silence`: later replies arrive, those that were dropped do not. */
export const restore = (socket: number): Promise<void> => run(process.pid, 'restore', String(socket));
