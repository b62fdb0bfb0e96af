/** Numbers of the kernel's routing tables, `RT_TABLE_*` of include/uapi/linux/rtnetlink.h. */

/** Where `ip route` reads and writes without a table given. */
export const mainTable = 254;
/** The addresses of the namespace itself, kept by the kernel. */
export const localTable = 255;
