/**
 * The errnos that IPVS and netlink answer with, as the kernel returns them: negative (asm-generic/errno.h).
 * @module
 */

export const EPERM = -1;
export const ENOENT = -2;
export const ESRCH = -3;
export const EBUSY = -16;
export const EEXIST = -17;
export const ENODEV = -19;
export const EINVAL = -22;
export const ERANGE = -34;
export const ENODATA = -61;
export const EBADF = -9;
export const EMSGSIZE = -90;
export const EOPNOTSUPP = -95;
export const EAFNOSUPPORT = -97;
export const ENETUNREACH = -101;
