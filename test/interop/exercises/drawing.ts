/**
 * The way of a connection's first packet and of its answer, as a picture: hosts side by side, time downwards, an arrow for
 * each passage that was captured.
 *
 * @module
 */
import type { Connection, IPPacket } from '../../lab/capture.js';

/** A host in the picture, from left to right. */
export interface DrawnHost {
  readonly name: string;
  /** What it is, and its addresses, a line each. */
  readonly lines: readonly string[];
}

export interface Drawing {
  readonly title: string;
  /** What to see in it: a line or two. */
  readonly caption: readonly string[];
  readonly hosts: readonly DrawnHost[];
  readonly connection: Connection;
}

const COLUMN = 270;
const MARGIN = 100;
const BOX = { top: 84, width: 176, line: 17, padding: 12 };
/** From one arrow to the next. */
const ROW = 78;

/** A whole SVG file; the same one for the same packets, but for the client's port, which it leaves out. */
export function draw({ title, caption, hosts, connection }: Drawing): string {
  const passages = firstPackets(connection);
  const boxHeight = 2 * BOX.padding + BOX.line * (1 + Math.max(...hosts.map(({ lines }) => lines.length)));
  const bottom = BOX.top + boxHeight;
  const width = 2 * MARGIN + COLUMN * (hosts.length - 1);
  const height = bottom + ROW * passages.length + 44;
  const columns = new Map(hosts.map(({ name }, index) => [name, MARGIN + COLUMN * index]));
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="paper" width="${width}" height="${height}" rx="8"/>`,
    text('title', width / 2, 30, title),
    ...caption.map((line, index) => text('caption', width / 2, 50 + 17 * index, line)),
    ...hosts.flatMap((host, index) => hostLines(host, MARGIN + COLUMN * index, boxHeight, height)),
    ...passages.flatMap((packet, index) => {
      const before = passages[index - 1];
      const same = before !== undefined && isAnswer(before) === isAnswer(packet);
      return arrow(packet, same ? before : undefined, { index, columns, y: bottom + ROW * (index + 1) });
    }),
    '</svg>',
  ].join('\n')}\n`;
}

/** Of both directions, in order. */
function firstPackets({ packets }: Connection): IPPacket[] {
  return packets.filter(({ tcp }) => tcp?.flags.includes('syn'));
}

function isAnswer({ tcp }: IPPacket): boolean {
  return tcp?.flags.includes('ack') ?? false;
}

function hostLines({ name, lines }: DrawnHost, x: number, boxHeight: number, height: number): string[] {
  const top = BOX.top + BOX.padding + BOX.line - 4;
  return [
    `<line class="life" x1="${x}" y1="${BOX.top + boxHeight}" x2="${x}" y2="${height - 16}"/>`,
    `<rect class="host" x="${x - BOX.width / 2}" y="${BOX.top}" width="${BOX.width}" height="${boxHeight}" rx="6"/>`,
    text('name', x, top, name),
    ...lines.map((line, index) => text('address', x, top + BOX.line * (index + 1), line)),
  ];
}

interface Place {
  readonly index: number;
  readonly y: number;
  readonly columns: ReadonlyMap<string, number>;
}

/** `before` is the same packet on its last passage: what has changed since is put in relief. */
function arrow(packet: IPPacket, before: IPPacket | undefined, { index, y, columns }: Place): string[] {
  const direction = isAnswer(packet) ? 'answer' : 'request';
  const [from, to] = [columns.get(packet.from) ?? 0, columns.get(packet.to) ?? 0];
  const step = Math.sign(to - from);
  const [start, end] = [from + 15 * step, to - 3 * step];
  const middle = labelPlace(from, to);
  const { tunnel } = packet;
  const changed = (now: string, then: string | undefined) =>
    then === undefined || now === then ? escaped(now) : `<tspan class="changed">${escaped(now)}</tspan>`;
  const source = changed(ends(packet, direction)[0], before && ends(before, direction)[0]);
  const destination = changed(ends(packet, direction)[1], before && ends(before, direction)[1]);
  const outer = tunnel && `${tunnel.type} ${tunnel.source} → ${tunnel.destination}`;
  return [
    `<line class="${direction}" x1="${start}" y1="${y}" x2="${end - 8 * step}" y2="${y}"/>`,
    `<path class="${direction} head" d="M${end} ${y}l${-10 * step} -5v10z"/>`,
    `<circle class="${direction} number" cx="${from}" cy="${y}" r="11"/>`,
    text('digit', from, y + 4, String(index + 1)),
    ...(outer === undefined
      ? []
      : [raw('packet', middle, y - 25, changed(outer, before && (before.tunnel ? outer : '')))]),
    raw(
      'packet',
      middle,
      y - 8,
      `${tunnel === undefined ? '' : '[ '}${source} → ${destination}${tunnel === undefined ? '' : ' ]'}`,
    ),
    raw('frame', middle, y + 17, `frame ${escaped(packet.from)} → ${escaped(packet.to)}`),
  ];
}

/** Between two columns, so that no line runs through it. */
function labelPlace(from: number, to: number): number {
  return Math.abs(to - from) <= COLUMN ? (from + to) / 2 : from + (COLUMN / 2) * Math.sign(to - from);
}

/** Source and destination; the client's port is another one each time. */
function ends({ source, destination }: IPPacket, direction: 'request' | 'answer'): [string, string] {
  const service = ({ address, port }: IPPacket['source']) => `${address}:${port}`;
  return direction === 'request' ? [source.address, service(destination)] : [service(source), destination.address];
}

function text(style: string, x: number, y: number, content: string): string {
  return raw(style, x, y, escaped(content));
}

function raw(style: string, x: number, y: number, content: string): string {
  return `<text class="${style}" x="${x}" y="${y}">${content}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

const STYLE = `
text { text-anchor: middle; font-family: system-ui, 'DejaVu Sans', sans-serif; font-size: 13px; fill: #1f2328 }
.title { font-size: 17px; font-weight: 600 }
.caption, .frame { fill: #59636e; font-size: 12px }
.name { font-weight: 600; font-size: 14px }
.address, .packet { font-family: ui-monospace, 'DejaVu Sans Mono', monospace; font-size: 12px }
.changed { font-weight: 700; fill: #bc4c00 }
.digit { fill: #fff; font-size: 12px; font-weight: 600 }
.paper { fill: #fff }
.host { fill: #f6f8fa; stroke: #59636e }
.life { stroke: #d1d9e0; stroke-dasharray: 4 4 }
line.request { stroke: #0969da; stroke-width: 2 }
.request.head, .request.number { fill: #0969da }
line.answer { stroke: #1a7f37; stroke-width: 2 }
.answer.head, .answer.number { fill: #1a7f37 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .caption, .frame { fill: #9198a1 }
  .changed { fill: #ffa657 }
  .digit { fill: #fff }
  .paper { fill: #0d1117 }
  .host { fill: #151b23; stroke: #9198a1 }
  .life { stroke: #3d444d }
  line.request { stroke: #1f6feb }
  .request.head, .request.number { fill: #1f6feb }
  line.answer { stroke: #238636 }
  .answer.head, .answer.number { fill: #238636 }
}
`;
