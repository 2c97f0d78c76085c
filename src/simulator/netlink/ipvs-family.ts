/**
 * The generic netlink family of IPVS: all its commands (ip_vs_genl_family in ip_vs_ctl.c).
 * @module
 */
import { IPVS_CMD_FLUSH, IPVS_GENL_NAME, IPVS_GENL_VERSION } from '../../kernel/constants.js';
import type { Namespace } from '../table/namespace.js';
import { daemonCommands } from './daemon-commands.js';
import type { Command, GenericFamily } from './generic.js';
import { settingsCommands } from './settings-commands.js';
import { tableCommands } from './table-commands.js';
import { MAX_ATTRIBUTE } from './top-level.js';

/** The family of one namespace, under the number that the kernel gave it. */
export function ipvsFamily(id: number, namespace: Namespace): GenericFamily {
  const commands: Command[] = [];
  Object.assign(commands, tableCommands(namespace), daemonCommands(namespace), settingsCommands(namespace));
  return {
    name: IPVS_GENL_NAME,
    id,
    version: IPVS_GENL_VERSION,
    maxAttribute: MAX_ATTRIBUTE,
    commands,
    strictFrom: IPVS_CMD_FLUSH + 1,
  };
}
