/** What the story looks like: in colour on a terminal, and wherever FORCE_COLOR asks for it. */
import { styleText } from 'node:util';
import { type Connection, formatServiceKey, type Table } from 'ipvs-ts';

/** One colour a server, by the last digit of its name. */
const SERVER_COLOURS = ['cyan', 'green', 'magenta', 'yellow'] as const;

let chapters = 0;

/** A heading, with a number. */
export function chapter(title: string): void {
  chapters += 1;
  // One style a call: given several at once, Node 20 does not ask whether colour is wanted.
  console.log(`\n${styleText('bold', styleText('blue', `${chapters}. ${title}`))}`);
}

/** An ordinary line. */
export function say(text: string): void {
  console.log(`   ${text}`);
}

/** Something that was hoped for and has come true. */
export function good(text: string): void {
  say(styleText('green', `✓ ${text}`));
}

/** Less important than the rest. */
export function dim(text: string): string {
  return styleText('dim', text);
}

/** A server's name in its colour. */
export function server(name: string): string {
  return styleText(SERVER_COLOURS[Number(name.at(-1)) % SERVER_COLOURS.length] ?? 'white', name);
}

/** A table with the names of its servers beside their addresses. */
export function printTable({ services }: Table, names: ReadonlyMap<string, string>): void {
  for (const { service, destinations } of services) {
    say(`${styleText('bold', formatServiceKey(service))} ${service.scheduler}`);
    for (const { destination, activeConnections, inactiveConnections } of destinations) {
      const { address, port, forward, weight } = destination;
      const where = `${server(names.get(address) ?? address)} ${`${address}:${port}`.padEnd(13)}`;
      say(`  -> ${where} ${forward} weight ${weight}  ${activeConnections} active, ${inactiveConnections} inactive`);
    }
  }
}

/** One connection: who asked for what, and who got it. */
export function printConnection({ client, virtual, destination, state, expires }: Connection, name: string): void {
  const wanted = 'mark' in virtual ? `mark ${virtual.mark}` : `${virtual.address}:${virtual.port}`;
  const route = `${client.address}:${client.port} -> ${wanted} -> ${destination.address}:${destination.port}`;
  say(`${route} ${server(name)}  ${dim(`${state}, kept for ${expires} s`)}`);
}
