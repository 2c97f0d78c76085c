import { describe, expect, it, vi } from 'vitest';
import { formatRules, Ipvs, UnavailableError } from '../../src/index.js';
import { IPVS_CMD_GET_DEST } from '../../src/kernel/constants.js';
import type { Kernel } from '../../src/kernel/kernel.js';
import { useIpvs } from './fixture.js';

const context = useIpvs();

/** A client that counts how often it lists the servers of a service by netlink. */
async function counting(kernel: Kernel): Promise<{ ipvs: Ipvs; lists(): number }> {
  let lists = 0;
  const ipvs = await Ipvs.open({
    source: 'netlink',
    kernel: {
      socket() {
        const transport = kernel.socket();
        return {
          send(datagram) {
            // A dump travels alone, and its command stands behind the netlink header.
            if (datagram[16] === IPVS_CMD_GET_DEST) lists++;
            return transport.send(datagram);
          },
          receiveMany: (into, lengths) => transport.receiveMany(into, lengths),
          watch: (onReadable) => transport.watch(onReadable),
          unwatch: () => transport.unwatch(),
          close: () => transport.close(),
        };
      },
      proc: (name) => kernel.proc(name),
      ticksPerSecond: () => kernel.ticksPerSecond(),
    },
  });
  return { ipvs, lists: () => lists };
}

/** Of every kind that /proc/net/ip_vs tells as netlink does. */
const PLAIN = `
  -A -t 192.0.2.1:80 -s wrr
  -a -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 3
  -a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 0
  -a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -w 2147483647
  -a -t 192.0.2.1:80 -r 127.0.0.1:80 -g -w 1
  -A -t 192.0.2.1:443 -s sh -b sh-fallback,sh-port -p 360
  -a -t 192.0.2.1:443 -r 10.0.0.1:443 -m -w 1 -x 100 -y 50
  -A -t 192.0.2.2:0 -s mh -b mh-fallback -p 2678400 -M 255.255.255.0
  -A -t 192.0.2.3:21 -s lc -p 10 -M 255.0.255.0
  -A -u 192.0.2.1:53 -s rr -o
  -a -u 192.0.2.1:53 -r 10.0.0.1:53 -m -w 1
  -A -u 192.0.2.1:5060 -s rr -p 30 --pe sip
  -A --sctp-service 192.0.2.9:7 -s wlc
  -A -t [2001:db8::1]:80 -s wlc
  -a -t [2001:db8::1]:80 -r [fd00::2]:8080 -m -w 2
  -a -t [2001:db8::1]:80 -r [fd00::1]:80 -g -w 1
  -A -u [2001:db8::1]:53 -s rr -o -p 60 -M 64
  -A -f 7 -s wlc
  -a -f 7 -r 10.0.0.7:0 -g -w 7
  -A -f 4294967295 -6 -s wlc -p 60 -M 64
  -a -f 4294967295 -6 -r [fd00::7]:0 -g -w 7
`;
/** What /proc leaves open: three services with tunnels, and two of one mark. */
const VAGUE = `
  -A -t 198.51.100.1:80 -s wlc
  -a -t 198.51.100.1:80 -r 10.0.0.1:80 -i -w 1
  -a -t 198.51.100.1:80 -r 10.0.0.2:80 -i -w 1 --tun-type gue --tun-port 5555 --tun-remcsum
  -a -t 198.51.100.1:80 -r 10.0.0.3:8080 -m -w 1
  -a -t 198.51.100.1:80 -r [2001:db8::1]:80 -i -w 1 --tun-type gre --tun-csum
  -A -t [2001:db8::2]:80 -s wlc
  -a -t [2001:db8::2]:80 -r 10.0.0.1:80 -i -w 1
  -A -f 9 -s wlc
  -a -f 9 -r 10.0.0.9:0 -i -w 9
  -A -f 8 -s wlc
  -a -f 8 -r 10.0.0.8:0 -g -w 4
  -A -f 8 -6 -s rr
  -a -f 8 -6 -r [fd00::8]:0 -g -w 6
`;

describe('save', () => {
  it('writes what a snapshot tells, and asks for no servers by netlink', async () => {
    await context.ipvs.restore(PLAIN);
    const { ipvs, lists } = await counting(context.kernel);
    await using _ = ipvs;
    const text = await ipvs.save();
    expect(lists()).toBe(0);
    expect(text).toBe(formatRules(await context.ipvs.snapshot()));
    expect(text.split('\n')).toHaveLength(PLAIN.trim().split('\n').length + 1);
  });

  it('asks for those alone that /proc does not tell', async () => {
    await context.ipvs.restore(PLAIN + VAGUE);
    const { ipvs, lists } = await counting(context.kernel);
    await using _ = ipvs;
    // Since Linux 7.1 a table that has just grown is moved for a while, and what two readings tell then is taken anew.
    const text = await vi.waitFor(async () => {
      const before = lists();
      const saved = await ipvs.save();
      expect(lists() - before).toBe(5);
      return saved;
    });
    expect(text).toBe(formatRules(await context.ipvs.snapshot()));
    expect(text).toContain('-r 10.0.0.2:80 -i -w 1 --tun-type gue --tun-port 5555 --tun-remcsum\n');
  });

  it('comes in one order from netlink and from /proc, whichever services and servers came and went', async () => {
    const services = Array.from({ length: 600 }, (_, n) => `192.0.2.${n % 250}:${1000 + n}`);
    const rules = services.map((service) => `-A -t ${service} -s rr\n-a -t ${service} -r 10.0.0.1:1 -m -w 1\n`);
    await context.ipvs.restore(rules.join(''));
    const again = services.filter((_, n) => n % 3 === 0);
    const servers = again.map((service) => `-A -t ${service} -s wlc\n-a -t ${service} -r 10.0.0.2:1 -m -w 1\n`);
    await context.ipvs.restore(again.map((service) => `-D -t ${service}\n`).join('') + servers.join(''));
    await context.ipvs.restore(services.map((service) => `-a -t ${service} -r 10.0.0.3:1 -m -w 1\n`).join(''));
    const { ipvs, lists } = await counting(context.kernel);
    await using _ = ipvs;
    const text = await ipvs.save();
    expect(lists()).toBe(0);
    expect(text).toBe(formatRules(await context.ipvs.snapshot()));
  });

  it('without /proc takes it all by netlink', async () => {
    await context.ipvs.restore(PLAIN + VAGUE);
    const { kernel } = context;
    await using ipvs = await Ipvs.open({
      kernel: {
        socket: () => kernel.socket(),
        proc() {
          throw new UnavailableError('no /proc here');
        },
        ticksPerSecond: () => undefined,
      },
    });
    expect(await ipvs.save()).toBe(await context.ipvs.save());
  });

  it('takes it all anew when a server moves to another service after /proc was read', async () => {
    const { kernel, ipvs } = context;
    await ipvs.restore(PLAIN);
    let readings = 0;
    await using saving = await Ipvs.open({
      source: 'netlink',
      kernel: {
        socket: () => kernel.socket(),
        async *proc(name) {
          yield* kernel.proc(name);
          if (readings++ > 0) return;
          await ipvs.addDestination('udp://192.0.2.1:53', { address: '10.0.0.3', forward: 'nat' });
          await ipvs.deleteDestination('tcp://192.0.2.1:80', { address: '10.0.0.3' });
        },
        ticksPerSecond: () => kernel.ticksPerSecond(),
      },
    });
    const text = await saving.save();
    expect(text).toContain('-a -u 192.0.2.1:53 -r 10.0.0.3:53 -m -w 1\n');
    expect(text).toBe(formatRules(await ipvs.snapshot()));
  });
});

it('brings back what other programs made and ipvsadm does not read again', async () => {
  const odd = '-A -t 192.0.2.1:80 -s wlc -p 0\n-A -t 192.0.2.1:81 -s rr -o\n';
  await context.ipvs.restore(odd);
  const saved = await context.ipvs.save();
  expect(saved).toBe(odd);
  await context.ipvs.restore(saved, { replace: true });
  expect(await context.ipvs.save()).toBe(odd);
});
