/**
 * The systems that scripts are made for, and the forms of each.
 * @module
 */

/** What a text can be made for. */
export const SCRIPT_OSES = ['linux', 'freebsd', 'openbsd', 'windows'] as const;
/** One of {@link SCRIPT_OSES}. */
export type ScriptOs = (typeof SCRIPT_OSES)[number];

/**
 * The forms of each system, the default first.
 *
 * - `iproute2`, `ifconfig`: a POSIX shell script with start, stop, restart and status, by ip(8) or by the old net-tools
 * - `systemd`: a unit that calls that script
 * - `rc.d`: a script for FreeBSD's service(8); `command`: one line a VIP, to be typed; `rc.conf`: lines for /etc/rc.conf
 * - `sh`: a shell script for OpenBSD with start, stop, restart and status; `hostname.if`: lines for /etc/hostname.lo0
 * - `powershell`: a script with -Start, -Stop and -Status
 */
export const SCRIPT_FORMS = {
  linux: ['iproute2', 'ifconfig', 'systemd'],
  freebsd: ['rc.d', 'command', 'rc.conf'],
  openbsd: ['sh', 'hostname.if'],
  windows: ['powershell'],
} as const satisfies Record<ScriptOs, readonly string[]>;
/** One of {@link SCRIPT_FORMS}. */
export type ScriptForm = (typeof SCRIPT_FORMS)[ScriptOs][number];
