/** Whether this process runs in the lab, where every table, interface and sysctl is its own. */
export function insideLab(): boolean {
  return process.env['IPVS_LAB_KERNEL'] !== undefined;
}
