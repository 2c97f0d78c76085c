/** Certificates for servers of tests. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

/** A certificate and its key, as PEM and as files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Whether certificates can be made here. */
export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** Makes a certificate that is signed by itself: `DNS:real.example`, for some days. */
export function makeCertificate(directory: string, name: string, days = 100): Certificate {
  const stem = join(directory, `${name.replace(/\W/g, '-')}-${days}`);
  const [certFile, keyFile] = [`${stem}.crt`, `${stem}.key`];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  const rest = ['-days', String(days), '-subj', '/CN=probe', '-addext', `subjectAltName=${name}`, '-out', certFile];
  const { status, stderr } = spawnSync('openssl', ['req', '-x509', ...key, ...rest], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8'), certFile, keyFile };
}
