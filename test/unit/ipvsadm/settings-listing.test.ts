import { expect, it } from 'vitest';
import { formatDaemons, formatTimeouts, IPVSADM_VERSION_LINE } from '../../../src/ipvsadm/settings-listing.js';
import type { NormalSyncDaemon } from '../../../src/model/sync-daemon.js';

it('timeouts', () => {
  expect(formatTimeouts({ tcp: 900, tcpFin: 120, udp: 300 })).toBe('Timeout (tcp tcpfin udp): 900 120 300\n');
});

it('version', () => {
  expect(IPVSADM_VERSION_LINE).toBe('ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\n');
});

const full: NormalSyncDaemon = {
  role: 'backup',
  interface: 'eth1',
  syncId: 255,
  maxLength: 65507,
  group: 'ff02::90',
  port: 8848,
  ttl: 255,
};

it('no daemon', () => {
  expect(formatDaemons([])).toBe('');
});

it('a daemon with everything', () => {
  expect(formatDaemons([full])).toBe(
    'backup sync daemon (mcast=eth1, syncid=255, maxlen=65507, group=ff02::90, port=8848, ttl=255)\n',
  );
});

it('the master comes first, and what is not known is left out', () => {
  expect(formatDaemons([full, { role: 'master', interface: 'eth0', syncId: 0 }])).toBe(
    'master sync daemon (mcast=eth0, syncid=0)\n' +
      'backup sync daemon (mcast=eth1, syncid=255, maxlen=65507, group=ff02::90, port=8848, ttl=255)\n',
  );
  expect(formatDaemons([{ role: 'master', interface: 'eth0', syncId: 0, port: 1, ttl: 2 }])).toBe(
    'master sync daemon (mcast=eth0, syncid=0, port=1, ttl=2)\n',
  );
});
