/**
 * TLS on a connection of a check, and certificates in an operator's words.
 * @module
 */
import { readFileSync, statSync } from 'node:fs';
import { isIP, type Socket } from 'node:net';
import { connect, createSecureContext, type PeerCertificate, type SecureContext, type TLSSocket } from 'node:tls';
import type { NormalTls } from '../model/check.js';
import { hard, ownTrouble, soft } from './outcome.js';
import type { Run } from './run.js';

const DAY = 86_400_000;

/** What a handshake needs. */
export interface Handshake {
  readonly tls: NormalTls;
  /** The name where `tls` has none. */
  readonly name: string;
  /** Protocols to offer by ALPN; empty: none. */
  readonly protocols: readonly string[];
}

/** TLS on a connected socket. Rejects with a `CheckFailure`. The warning is about the certificate's end. */
export async function secure(
  socket: Socket,
  { tls, name: fallback, protocols }: Handshake,
  run: Run,
): Promise<{ socket: TLSSocket; warning: string | undefined }> {
  const name = tls.serverName ?? fallback;
  const secureContext = contextOf(tls);
  run.waitFor('no end of the TLS handshake');
  const secured = connect({
    socket,
    secureContext,
    host: name,
    // SNI knows no addresses (RFC 6066).
    servername: isIP(name) === 0 ? name : '',
    // Looked at below, where there are words for it.
    rejectUnauthorized: false,
    ...(protocols.length > 0 && { ALPNProtocols: [...protocols] }),
  });
  run.onEnd(() => secured.destroy());
  await new Promise<void>((resolve, reject) => {
    secured.on('error', (error) => reject(handshakeFailure(error, protocols)));
    secured.once('secureConnect', resolve);
  });
  // Some servers go on without a protocol, others refuse.
  if (!isSpoken(secured.alpnProtocol, protocols)) throw notSpoken(protocols);
  const certificate = secured.getPeerCertificate();
  if (tls.verify && !secured.authorized) {
    // Node gives the code alone here, whatever its types say.
    throw soft(certificateProblem(String(secured.authorizationError), certificate, name));
  }
  return { socket: secured, warning: endsSoon(certificate, tls.expiryWarning) };
}

function isSpoken(protocol: string | false | null, offered: readonly string[]): boolean {
  return offered.length === 0 || offered.includes(String(protocol));
}

function notSpoken(offered: readonly string[]): Error {
  return soft(`the server does not speak ${offered.join(' or ')}`);
}

function handshakeFailure(error: Error & { code?: string; reason?: string }, offered: readonly string[]): Error {
  if (error.code === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL') return notSpoken(offered);
  if (error.code === 'ECONNRESET') return hard('connection closed by the server during the TLS handshake');
  const { reason, code = '' } = error;
  if (reason === undefined && !code.startsWith('ERR_SSL') && code !== 'EPROTO') return error;
  return soft(`no TLS handshake: ${reason ?? error.message}`);
}

function certificateProblem(code: string, certificate: PeerCertificate, name: string): string {
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `certificate is for ${namesOf(certificate)}, not ${name}`;
    case 'CERT_HAS_EXPIRED':
      return `certificate ended on ${dateOf(certificate.valid_to)}`;
    case 'CERT_NOT_YET_VALID':
      return `certificate begins on ${dateOf(certificate.valid_from)}`;
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return 'certificate is signed by itself, and is not among the trusted ones';
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return 'certificate is signed by nobody who is trusted';
    default:
      return `certificate is not valid: ${code}`;
  }
}

/** `other.example, 10.0.0.1`: the names in the certificate, else its subject's. */
function namesOf({ subjectaltname, subject }: PeerCertificate): string {
  if (subjectaltname === undefined) return String(subject?.CN ?? 'nobody');
  return subjectaltname.replace(/(?:DNS|IP Address|URI|email):/g, '');
}

function dateOf(text: string): string {
  return new Date(text).toISOString().slice(0, 10);
}

function endsSoon({ valid_to }: PeerCertificate, warnDays: number): string | undefined {
  if (valid_to === undefined) return undefined;
  const days = Math.floor((Date.parse(valid_to) - Date.now()) / DAY);
  if (days >= warnDays) return undefined;
  if (days < 0) return `the certificate ended on ${dateOf(valid_to)}`;
  return `the certificate ends in ${days} ${days === 1 ? 'day' : 'days'}`;
}

/** Contexts by the paths of their files. Making one takes a millisecond, and there are thousands of checks. */
const contexts = new Map<string, { readonly version: string; readonly context: SecureContext }>();

/** The context of some files, made again when one of them changes. */
function contextOf({ ca, cert, key }: NormalTls): SecureContext {
  const files = Object.entries({ ca, cert, key }).flatMap(([name, path]) =>
    path === undefined ? [] : [{ name, path }],
  );
  const id = JSON.stringify(files);
  try {
    const version = files.map(({ path }) => statSync(path).mtimeMs).join();
    const known = contexts.get(id);
    if (known?.version === version) return known.context;
    const context = createSecureContext(Object.fromEntries(files.map(({ name, path }) => [name, readFileSync(path)])));
    contexts.set(id, { version, context });
    return context;
  } catch (error) {
    throw ownTrouble(`the files for TLS cannot be used: ${(error as Error).message}`);
  }
}
