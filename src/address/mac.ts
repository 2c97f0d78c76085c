/**
 * Ethernet addresses: text <-> bytes.
 * @module
 */

/** `52:54:00:12:34:56` -> 6 bytes. */
export function macBytes(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(':'), (byte) => Number.parseInt(byte, 16));
}

/** 6 bytes -> `52:54:00:12:34:56`. */
export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
