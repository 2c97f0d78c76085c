/**
 * What was said between the SDK and a real kernel: linux-6.1.txt, captured through a Transport around the socket.
 */
import { readFileSync } from 'node:fs';

export interface Exchange {
  title: string;
  requests: Uint8Array[];
  answers: Uint8Array[];
}

/** The family's number when the capture was made. */
export const CAPTURED_FAMILY = 0x1c;

export function readGolden(): Exchange[] {
  const text = readFileSync(new URL('./linux-6.1.txt', import.meta.url), 'utf8');
  const exchanges: Exchange[] = [];
  for (const line of text.split('\n').slice(1)) {
    if (line.startsWith('# ')) exchanges.push({ title: line.slice(2), requests: [], answers: [] });
    else if (line.startsWith('> ')) exchanges.at(-1)?.requests.push(Buffer.from(line.slice(2), 'hex'));
    else if (line.startsWith('< ')) exchanges.at(-1)?.answers.push(Buffer.from(line.slice(2), 'hex'));
  }
  return exchanges;
}

export function exchange(title: string): Exchange {
  const found = readGolden().find((candidate) => candidate.title === title);
  if (found === undefined) throw new Error(`no exchange "${title}" was captured`);
  return found;
}
