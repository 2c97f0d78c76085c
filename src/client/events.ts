/**
 * Server-sent events, as a daemon writes them.
 * @module
 */

/** What happened at a daemon: an event of `keep` or of health checks, a request, or `gap`: events are missing. */
export interface DaemonEvent {
  readonly type: string;
  /** To go on after it; undefined of `gap`. */
  readonly id: string | undefined;
  /** What the event says, as `docs/serve.md` has it. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** The events of a stream of text. Signs of life are none. */
export async function* eventsOf(text: AsyncIterable<string>): AsyncGenerator<DaemonEvent, void, undefined> {
  let rest = '';
  for await (const chunk of text) {
    const frames = (rest + chunk).split('\n\n');
    rest = frames.pop() ?? '';
    for (const frame of frames) {
      const event = eventOf(frame);
      if (event !== undefined) yield event;
    }
  }
}

function eventOf(frame: string): DaemonEvent | undefined {
  const fields = new Map(frame.split('\n').map((line) => [line.split(': ', 1)[0], line.slice(line.indexOf(': ') + 2)]));
  const [type, data] = [fields.get('event'), fields.get('data')];
  return type === undefined || data === undefined ? undefined : { type, id: fields.get('id'), data: JSON.parse(data) };
}
