/**
 * Statuses of HTTP and SIP.
 * @module
 */

/** Whether a status is among these: `200`, `'200-299'`. */
export function isAmong(status: number, wanted: readonly (number | string)[]): boolean {
  return wanted.some((one) => {
    const [low = 0, high = low] = String(one).split('-').map(Number);
    return status >= low && status <= high;
  });
}
