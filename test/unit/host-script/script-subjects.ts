/** Descriptions of directors and real servers, and every form that a script of them can have. */
import {
  type HostScriptRequest,
  SCRIPT_FORMS,
  SCRIPT_OSES,
  type ScriptForm,
  type ScriptOs,
} from '../../../src/host-script/index.js';
import { type Director, parseDirector } from '../../../src/model/director.js';
import { parseRealServer, type RealServer } from '../../../src/model/real-server.js';

const DIRECTORS: Record<string, Director> = {
  'nat-one-network': { mode: 'nat', device: 'eth0', vips: ['10.0.0.100'], inside: { network: '10.0.0.0/24' } },
  'nat-two-networks': {
    mode: 'nat',
    device: 'eth0',
    vips: ['192.0.2.100/24'],
    gateway: '192.0.2.1',
    inside: { network: '10.1.0.0/24', device: 'eth1', address: '10.1.0.1/24' },
  },
  'nat-masquerade': {
    mode: 'nat',
    device: 'eth0',
    vips: ['10.0.0.100-10.0.0.102'],
    inside: { network: '10.0.0.0/24', masquerade: true },
  },
  'nat-ipv6': {
    mode: 'nat',
    device: 'eth0',
    vips: ['2001:db8::100/64'],
    inside: { network: '2001:db8:1::/64', masquerade: true },
  },
  dr: { mode: 'dr', device: 'eth0.5', vips: ['10.0.0.100', '2001:db8::100'] },
  tun: { mode: 'tun', device: 'eth0', vips: ['10.0.0.100'] },
};

const REAL_SERVERS: Record<string, RealServer> = {
  nat: { mode: 'nat', gateway: '10.1.0.1' },
  'nat-ipv6': { mode: 'nat', gateway: '2001:db8:1::1' },
  dr: { mode: 'dr', vips: ['10.0.0.100/24', '10.0.0.110-10.0.0.111', '2001:db8::100'] },
  'dr-gateway': { mode: 'dr', vips: ['10.0.0.100'], gateway: '10.0.0.254' },
  'dr-many': { mode: 'dr', vips: ['10.0.0.1-10.0.0.20'] },
  tun: { mode: 'tun', vips: ['10.0.0.100', '2001:db8::100'] },
  'tun-gre': { mode: 'tun', vips: ['10.0.0.100', '2001:db8::100'], tunnel: 'gre' },
  'tun-gue': { mode: 'tun', vips: ['10.0.0.100', '2001:db8::100'], tunnel: 'gue', port: 6080 },
  'tun-gre-checksum': {
    mode: 'tun',
    vips: ['10.0.0.100', '2001:db8::100'],
    tunnel: 'gre',
    checksum: true,
    local: ['10.0.0.11'],
  },
};

export const SUBJECTS = [
  ...Object.entries(DIRECTORS).map(
    ([name, input]) => [`director-${name}`, { role: 'director', description: parseDirector(input) }] as const,
  ),
  ...Object.entries(REAL_SERVERS).map(
    ([name, input]) => [`real-server-${name}`, { role: 'real-server', description: parseRealServer(input) }] as const,
  ),
];

/** A name and a request for every subject, system and form, also those that are refused. */
export const REQUESTS: [name: string, request: HostScriptRequest & { os: ScriptOs; form: ScriptForm }][] =
  SCRIPT_OSES.flatMap((os) =>
    SCRIPT_FORMS[os].flatMap((form) =>
      SUBJECTS.map(([name, subject]): (typeof REQUESTS)[number] => [`${os}-${form}-${name}`, { ...subject, os, form }]),
    ),
  );
