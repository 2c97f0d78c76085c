/**
 * From an address to a director.
 * @module
 */
import type { CallOptions } from '../model/call-options.js';
import type { ConnectOptions } from './address.js';
import { RemoteDirector } from './remote-director.js';

/**
 * Opens a director by the API of its daemon, `ipvs-ts serve`.
 * @param url `unix:/run/ipvs-ts/api.sock`, or `https://HOST[:PORT]` with a token
 * @throws {InvalidArgumentError} for an address or an option that is none.
 * @throws {UnavailableError} where nobody answers, or with a certificate that is not trusted. {@link RemoteError} 401: the token is not known.
 *
 * @example
 * ```ts
 * import { connect } from 'ipvs-ts/daemon';
 * await using director = await connect('https://director.example:8443', { token: process.env['IPVS_TS_TOKEN'] });
 * const { services } = await director.snapshot();
 * await director.drain('tcp://192.0.2.1:80', { address: '10.0.0.11' }, { deadline: 300_000 });
 * ```
 */
export async function connect(
  url: string,
  options: ConnectOptions & Pick<CallOptions, 'signal'> = {},
): Promise<RemoteDirector> {
  return RemoteDirector.open(url, options);
}
