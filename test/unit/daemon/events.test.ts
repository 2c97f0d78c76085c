import { request } from 'node:http';
import { describe, expect, test, vi } from 'vitest';
import { EventRing } from '../../../src/daemon/event-ring.js';
import { type Daemon, useDaemon, yaml } from './fixture.js';

/** The frames from a place to the end. */
function rest(ring: EventRing, place: number): string[] {
  const reading = ring.read(place);
  return reading === undefined ? [] : [reading.frame, ...rest(ring, reading.next)];
}

const field = (frame: string, name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(frame)?.[1];
const idOf = (frame: string) => field(frame, 'id') ?? '';
const dataOf = (frame: string) => JSON.parse(field(frame, 'data') ?? '');

describe('the ring', () => {
  test('gives events in their order, once each', () => {
    const ring = new EventRing();
    const place = ring.end;
    for (let n = 0; n < 5; n++) ring.push('tick', { n });
    const frames = rest(ring, place);
    expect(frames.map((frame) => dataOf(frame).n)).toEqual([0, 1, 2, 3, 4]);
    expect(new Set(frames.map(idOf)).size).toBe(5);
    expect(rest(ring, ring.placeAfter(idOf(frames[2] ?? '')) ?? 0)).toEqual(frames.slice(3));
    expect(ring.read(ring.end)).toBeUndefined();
  });

  test('keeps the last 10,000 at least, and says how many are lost', () => {
    const ring = new EventRing();
    const count = 30_000;
    for (let n = 1; n <= count; n++) ring.push('tick', { n });
    const gap = ring.read(1);
    expect(gap?.frame).toMatch(/^event: gap\n/);
    const { lost } = dataOf(gap?.frame ?? '');
    expect(count - lost).toBeGreaterThanOrEqual(10_000);
    expect(count - lost).toBeLessThanOrEqual(11_250);
    expect(gap?.next).toBe(lost + 1);
    expect(dataOf(ring.read(lost + 1)?.frame ?? '').n).toBe(lost + 1);
    expect(dataOf(ring.read(count)?.frame ?? '').n).toBe(count);
  });

  test('forgets large events by their size', () => {
    const ring = new EventRing();
    const text = 'x'.repeat(10_000_000);
    for (let n = 1; n <= 5; n++) ring.push('large', { n, text });
    const { frame = '', next } = ring.read(1) ?? {};
    expect([dataOf(frame).lost, next]).toEqual([2, 3]);
  });

  test('knows no id of another run, of the future or of no form', () => {
    const ring = new EventRing();
    const other = new EventRing();
    for (const each of [ring, other]) each.push('tick', {});
    const id = idOf(ring.read(1)?.frame ?? '');
    expect(ring.placeAfter(id)).toBe(2);
    expect(other.placeAfter(id)).toBeUndefined();
    for (const bad of ['', '1', `${id}0`, `${id} `, id.replace(/-.*/, '--1')])
      expect(ring.placeAfter(bad)).toBeUndefined();
  });

  test('calls back until it is told not to', () => {
    const ring = new EventRing();
    const listener = vi.fn();
    const forget = ring.listen(listener);
    ring.push('tick', {});
    forget();
    ring.push('tick', {});
    expect(listener).toHaveBeenCalledTimes(1);
  });
});

/** A reader of the events: the frames so far, without comments. */
function reader({ socket }: Daemon, last?: string) {
  const headers = last === undefined ? {} : { 'last-event-id': last };
  let text = '';
  const sent = request({ socketPath: socket, path: '/v1/events', headers }, (response) => {
    response.on('error', () => undefined);
    response.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  });
  sent.on('error', () => undefined).end();
  const frames = () =>
    text
      .split('\n\n')
      .slice(0, -1)
      .filter((frame) => !frame.startsWith(':'));
  const begun = () => vi.waitFor(() => expect(text).not.toBe(''), { timeout: 5000 });
  return { frames, begun, end: () => void sent.destroy() };
}

describe('over HTTP', () => {
  const context = useDaemon();
  const change = async (daemon: Daemon, ...servers: string[]) => {
    const { status } = await daemon.put(yaml(...servers), { 'if-match': await daemon.etag() });
    expect(status).toBe(200);
  };

  test('a reader that comes back gets exactly what it missed', async () => {
    const { daemon } = context;
    daemon.write(yaml('10.0.0.1'));
    await daemon.start();
    const [first, witness] = [reader(daemon), reader(daemon)];
    await Promise.all([first.begun(), witness.begun()]);
    await change(daemon, '10.0.0.1', '10.0.0.2');
    await vi.waitFor(() => expect(first.frames().map((frame) => field(frame, 'event'))).toContain('applied'));
    first.end();
    const seen = first.frames();
    await change(daemon, '10.0.0.1', '10.0.0.3');
    await vi.waitFor(() => expect(witness.frames().filter((frame) => /^event: applied$/m.test(frame))).toHaveLength(2));
    const back = reader(daemon, idOf(seen.at(-1) ?? ''));
    await vi.waitFor(() => {
      expect(witness.frames().length).toBeGreaterThan(seen.length);
      expect([...seen, ...back.frames()]).toEqual(witness.frames());
    });
    for (const each of [back, witness]) each.end();
  });

  test('the id of another run is told as a gap of unknown length', async () => {
    const { daemon } = context;
    daemon.write(yaml('10.0.0.1'));
    await daemon.start();
    const other = reader(daemon, '0123456789ab-7');
    await vi.waitFor(() => expect(other.frames().map((frame) => field(frame, 'event'))).toContain('ready'));
    const [gap = ''] = other.frames();
    expect(field(gap, 'event')).toBe('gap');
    expect(dataOf(gap).lost).toBeNull();
    other.end();
  });
});
