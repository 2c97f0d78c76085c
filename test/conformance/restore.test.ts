import { describe, expect, it } from 'vitest';
import { type Change, Ipvs, KernelError, RestoreError } from '../../src/index.js';
import { directorAsleep, rejection, useIpvs } from './fixture.js';

const context = useIpvs();

describe('restore', () => {
  it('takes what save wrote', async () => {
    const { ipvs } = context;
    const rules = [
      '-A -t 192.0.2.1:80 -s sh -p 360 -M 255.255.255.0 -b sh-fallback,sh-port',
      '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1',
      '-a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -w 65536',
      '-a -t 192.0.2.1:80 -r [2001:db8::1]:80 -i -w 1 --tun-type gue --tun-port 5555 --tun-remcsum',
      '-A -u [2001:db8::1]:53 -s rr -o',
      '-A --sctp-service 192.0.2.9:7 -s wlc',
      '-A -f 7 -s wlc',
      '-A -f 7 -6 -s wlc -p 60 -M 64',
    ].join('\n');
    expect(await ipvs.restore(rules)).toBe(8);
    const saved = await ipvs.save();
    expect(saved.trimEnd().split('\n').sort()).toEqual(rules.split('\n').sort());
    await ipvs.restore(saved, { replace: true });
    expect(await ipvs.save()).toBe(saved);
  });

  it('takes what people write: comments, a leading ipvsadm, any order of options, every command', async () => {
    const { ipvs } = context;
    await ipvs.restore(`# web
      ipvsadm -A -s rr -t 192.0.2.1:80\r
      ipvsadm --add-server --weight=5 --masquerading -r 10.0.0.1:8080 --tcp-service 192.0.2.1:80

      -E -t 192.0.2.1:80 -s wrr
      --set 901 121 301
      -A -f 5
      -D -f 5`);
    expect(await ipvs.save()).toBe('-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 5\n');
    expect(await ipvs.timeouts()).toEqual({ tcp: 901, tcpFin: 121, udp: 301 });
    await ipvs.setTimeouts({ tcp: 900, tcpFin: 120, udp: 300 });
  });

  it('adds to what is there, or replaces it', async () => {
    const { ipvs } = context;
    await ipvs.restore('-A -t 192.0.2.1:80');
    await ipvs.restore('-A -t 192.0.2.2:80');
    expect(await ipvs.listServices()).toHaveLength(2);
    await ipvs.restore('-A -t 192.0.2.3:80', { replace: true });
    expect((await ipvs.listServices()).map(({ service }) => service)).toMatchObject([{ address: '192.0.2.3' }]);
  });

  it('changes nothing when a line is wrong, even with replace', async () => {
    const { ipvs } = context;
    await ipvs.restore('-A -t 192.0.2.1:80');
    const before = await ipvs.save();
    const rules = '-A -t 192.0.2.2:80\n# fine\n-A -t 192.0.2.3:0\n-A -t 192.0.2.4:80\n';
    expect(await rejection(ipvs.restore(rules, { replace: true }))).toMatchObject({
      code: 'ERR_RULES',
      line: 3,
      text: '-A -t 192.0.2.3:0',
      reason: 'Zero port specified for non-persistent service',
    });
    expect(await ipvs.save()).toBe(before);
  });

  it('says line by line what the kernel refused, and does the rest', async () => {
    const { ipvs } = context;
    const rules = [
      '-A -t 192.0.2.1:80',
      '-A -t 192.0.2.1:80',
      '-a -t 192.0.2.1:80 -r 224.0.0.1:80',
      '-a -t 192.0.2.1:80 -r 10.0.0.1:80',
      '-a -t 192.0.2.99:80 -r 10.0.0.1:80',
      '-A -t 192.0.2.2:80 -s nope',
      '-A -t 192.0.2.3:80',
    ].join('\n');
    const error = await rejection(ipvs.restore(rules));
    expect(error).toBeInstanceOf(RestoreError);
    expect(error).toMatchObject({
      applied: 3,
      failures: [
        { line: 2, text: '-A -t 192.0.2.1:80', error: { code: 'EEXIST' } },
        { line: 3, error: { code: 'EINVAL', reason: '224.0.0.1 is not unicast' } },
        { line: 5, error: { code: 'ESRCH' } },
        { line: 6, error: { code: 'ENOENT' } },
      ],
    });
    expect((await ipvs.save()).trimEnd().split('\n')).toHaveLength(3);
  });

  it('tells how far it is', async () => {
    const rules = Array.from({ length: 3000 }, (_, n) => `-A -t 10.0.${n >> 8}.${n & 255}:80`).join('\n');
    const seen: [number, number][] = [];
    expect(await context.ipvs.restore(rules, { onProgress: ({ done, total }) => seen.push([done, total]) })).toBe(3000);
    expect(seen.at(-1)).toEqual([3000, 3000]);
    expect(seen.length).toBeGreaterThan(1);
  });

  it('names the right lines among thousands', async () => {
    const { ipvs } = context;
    // Every seventh line is there already; empty lines and comments take no place among the commands.
    const lines = Array.from({ length: 2000 }, (_, n) => `-A -t 10.0.0.1:${1 + n - (n % 7 === 6 ? 1 : 0)}`);
    const text = lines.map((line, n) => (n % 100 === 0 ? `# ${n}\n\n${line}` : line)).join('\n');
    const error = await rejection(ipvs.restore(text));
    expect(error).toMatchObject({ applied: 2000 - Math.floor(2000 / 7) });
    const { failures } = error as RestoreError;
    const all = text.split('\n');
    expect(failures.map(({ line, text: rule }) => all[line - 1] === rule)).not.toContain(false);
    expect(failures.map(({ text: rule }) => rule)).toEqual(lines.filter((_, n) => n % 7 === 6));
    expect(await ipvs.listServices()).toHaveLength(2000 - failures.length);
  });

  it('of which every line is refused says so of every line', async () => {
    const { ipvs } = context;
    const rules = Array.from({ length: 3000 }, (_, n) => `-D -t 10.0.0.1:${n + 1}`).join('\n');
    const { applied, failures } = (await rejection(ipvs.restore(rules))) as RestoreError;
    expect(applied).toBe(0);
    expect(failures.map(({ line }) => line)).toEqual(Array.from({ length: 3000 }, (_, n) => n + 1));
    expect(failures.every(({ error }) => error instanceof KernelError && error.code === 'ESRCH')).toBe(true);
  });

  it('stops sending when the signal is given, and says what was not done', async () => {
    const { ipvs } = context;
    const rules = Array.from({ length: 3000 }, (_, n) => `-A -t 10.0.${n >> 8}.${n & 255}:80`).join('\n');
    const controller = new AbortController();
    const reason = new Error('enough');
    const restore = ipvs.restore(rules, { signal: controller.signal, onProgress: () => controller.abort(reason) });
    const { applied, failures } = (await rejection(restore)) as RestoreError;
    expect(applied + failures.length).toBe(3000);
    expect(failures.every(({ error }) => error === reason)).toBe(true);
    expect(applied).toBeGreaterThan(0);
    expect(await ipvs.listServices()).toHaveLength(applied);
  });

  it('of nothing does nothing', async () => {
    expect(await context.ipvs.restore('\n# nothing\n')).toBe(0);
  });
});

describe('many changes', () => {
  const service = (port: number) => ({ protocol: 'tcp', address: '192.0.2.1', port, scheduler: 'rr' }) as const;
  const add = (port: number): Change => ({ verb: 'add-service', service: service(port) });

  it('are made in their order, and what failed is given back', async () => {
    const { ipvs } = context;
    const changes: Change[] = [
      add(80),
      add(80),
      { verb: 'delete-service', key: service(80) },
      add(80),
      { verb: 'update-service', service: { ...service(81), scheduler: 'wlc' } },
      {
        verb: 'add-destination',
        key: service(80),
        destination: { address: '10.0.0.1', port: 80, weight: 1, forward: 'dr' },
      },
    ];
    expect(await ipvs.applyAll(changes)).toMatchObject([
      { place: 1, change: changes[1], error: { code: 'EEXIST', reason: 'the service exists already' } },
      { place: 4, change: changes[4], error: { code: 'ESRCH' } },
    ]);
    expect(await ipvs.save()).toBe('-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1\n');
    expect(await ipvs.applyAll([])).toEqual([]);
  });

  it('that are refused by the thousand are explained by one look at the routes', async () => {
    await using director = await directorAsleep();
    let looks = 0;
    const { kernel } = director;
    const proc = (name: string) => {
      if (name === 'fib_trie') looks++;
      return kernel.proc(name);
    };
    const watched = { socket: () => kernel.socket(), proc, ticksPerSecond: () => kernel.ticksPerSecond() };
    await using ipvs = await Ipvs.open({ kernel: watched, source: 'netlink' });
    await ipvs.addService(service(80));
    const changes = Array.from({ length: 2000 }, (_, n): Change => {
      const destination = { address: `10.0.${n >> 8}.${n & 255}`, port: 80, weight: 1, forward: 'dr' } as const;
      return { verb: 'add-destination', key: service(80), destination };
    });
    const failures = await ipvs.applyAll(changes);
    expect(failures.map(({ place }) => place)).toEqual(changes.map((_, place) => place));
    expect(failures.every(({ error }) => error instanceof KernelError && error.hint === 'ip link set lo up')).toBe(
      true,
    );
    expect(looks).toBe(1);
  });

  it('let the event loop have its turns', async () => {
    const changes = Array.from({ length: 20_000 }, (_, n): Change => ({ verb: 'delete-service', key: service(1 + n) }));
    let turns = 0;
    const count = setInterval(() => turns++, 0);
    await context.ipvs.applyAll(changes);
    clearInterval(count);
    expect(turns).toBeGreaterThan(1);
  });

  it('are not possible from /proc', async () => {
    const ipvs = await context.open({ source: 'proc' });
    expect(await rejection(ipvs.applyAll([add(80)]))).toMatchObject({ code: 'ERR_UNAVAILABLE' });
    await ipvs.close();
  });
});
