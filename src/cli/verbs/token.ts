/** @module */
import { prettyJson } from '../../json/pretty.js';
import { JSON_OUTPUT } from '../common-options.js';
import { timeText } from '../time-text.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts token` */
export const token = defineVerb({
  name: 'token',
  group: 'Other',
  operands: {
    action: {
      placeholder: 'ACTION',
      choices: ['list', 'create', 'revoke'],
      fallback: 'list',
      help: 'list tokens, make one and write it, or make one invalid',
    },
    name: { placeholder: 'NAME', fallback: 'with list: all', help: 'name of a token, for whoever reads the history' },
  },
  options: {
    role: {
      placeholder: 'ROLE',
      choices: ['reader', 'operator', 'admin'],
      help: 'create: look; also weights, drains, connections; also the desired state',
    },
    file: { placeholder: 'FILE', source: 'file', help: 'file of tokens; default: /var/lib/ipvs-ts/tokens.json' },
    json: JSON_OUTPUT,
  },
  help: 'make and revoke tokens for the API of "serve"',
  details:
    'A token is written once, by "create": the file has a hash of it. A running "serve" follows the file: a token that is revoked is ' +
    'refused at the next request.',

  async run({ values: { role, file, json }, operands: { action = 'list', name } }, { streams: { stdout } }) {
    const { createToken, defaultTokenFile, readTokens, revokeToken } = await import('../../daemon/tokens.js');
    const path = file ?? defaultTokenFile();
    if (json && action !== 'list') throw new UsageError('--json goes with list');
    if ((role !== undefined) !== (action === 'create')) throw new UsageError('create needs --role, and only create');
    if (action === 'list') {
      if (name !== undefined) throw new UsageError('list takes no NAME');
      const tokens = readTokens(path).map(({ sha256: _, ...shown }) => shown);
      const lines = tokens.map((each) => `${each.name} ${each.role} since ${timeText(each.created)}\n`);
      stdout.write(json ? prettyJson(tokens) : lines.join(''));
      return 0;
    }
    if (name === undefined) throw new UsageError(`${action} needs NAME`);
    if (role !== undefined) stdout.write(`${await createToken(path, name, role)}\n`);
    else await revokeToken(path, name);
    return 0;
  },
});
