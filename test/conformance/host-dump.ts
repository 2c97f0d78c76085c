/** All that set-ups of a host touch, as text that can be compared. */
import type { Host } from '../lab/network.js';

/**
 * Links, addresses and routes, every sysctl of IPv4 and IPv6 (some can only be written), and the rules of iptables. Left out:
 * the comments of iptables-save, which tell the time, and its packet counters.
 */
export function dumpOf(host: Host): Promise<string> {
  const script = `
    printf 'address\\nlink\\nroute show table all\\n' | ip -d -batch -
    ip -d -6 route show table all
    cd /proc/sys/net; grep -rs '' ipv4 ipv6 || test $? = 2
    { iptables-legacy-save; ip6tables-legacy-save; } | sed '/^#/d; s/ \\[.*\\]$//'`;
  return host.run('sh', '-ec', script);
}
