/**
 * The table that is restored: large, and of the usual kind.
 */
export const SERVICES = 1000;
export const SERVERS = 10;

/** As `ipvsadm -Sn` writes it. */
export function makeRules(): string {
  const lines: string[] = [];
  for (let n = 0; n < SERVICES; n++) {
    const service = `10.1.${n >> 8}.${n & 255}:80`;
    lines.push(`-A -t ${service} -s wlc`);
    for (let server = 1; server <= SERVERS; server++) {
      lines.push(`-a -t ${service} -r 10.${100 + server}.${n >> 8}.${n & 255}:80 -m -w ${server}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
