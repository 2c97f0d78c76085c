import { describe, expect, test } from 'vitest';
import type { AgentCheck } from '../../../../src/model/check.js';
import { expectAbortToClose, failed, nobody, run, says, serve, silent } from './fixture.js';

function agent(server: { address: string; port: number }, fields: Partial<AgentCheck> = {}) {
  return run(server, { type: 'agent', port: server.port, ...fields });
}

describe('agent', () => {
  test.each<[string, object]>([
    ['up\n', { reason: 'the agent says up' }],
    ['READY\r\n', { reason: 'the agent says ready' }],
    ['up', { reason: 'the agent says up' }],
    [' up\n', { reason: 'the agent says up' }],
    ['maxconn:30 up something\n', { reason: 'the agent says up' }],
    ['75%\n', { reason: 'the agent says 75 %', load: 75 }],
    ['up 0%\n', { load: 0 }],
    ['maxconn:30,ready\t150% # batch\nnonsense', { reason: 'the agent says 150 %: "batch"', load: 150 }],
  ])('passes with %j', async (line, outcome) => {
    expect(await agent(await says(line))).toMatchObject({ result: 'passed', ...outcome });
  });

  test.each([
    ['down\n', 'the agent says down'],
    ['up drain\n', 'the agent says drain'],
    ['75% maint\n', 'the agent says maint'],
    ['stopped#by hand\n', 'the agent says stopped: "by hand"'],
    ['failed # disk # full', 'the agent says failed: "disk # full"'],
    ['hello world\n', 'no word of an agent: "hello world"'],
    ['75\n', 'no word of an agent: "75"'],
    ['\n', 'no word of an agent: ""'],
    ['# up\n', 'no word of an agent: "# up"'],
    ['maxconn:30\n', 'no word of an agent: "maxconn:30"'],
    ['200 news.example ready\r\n', 'no word of an agent: "200 news.example ready"'],
    ['upright 75%\n', 'no word of an agent: "upright 75%"'],
    ['x'.repeat(5000), 'a line of more than 4096 bytes'],
  ])('fails softly with %j', async (line, reason) => {
    expect(await agent(await says(line))).toEqual(failed('soft', reason));
  });

  test('takes the line before the end of the connection', async () => {
    expect(await agent(await serve((socket) => socket.write('up\n')))).toMatchObject({ result: 'passed' });
  });

  test('says first what it is told', async () => {
    const server = await serve((socket) => socket.once('data', (data) => socket.end(`up # ${data}`)));
    expect(await agent(server, { send: 'hi\n' })).toMatchObject({ reason: 'the agent says up: "hi"' });
  });

  test('fails hard without an answer, and leaves nothing', async () => {
    expect(await agent(await nobody())).toEqual(failed('hard', 'connection refused'));
    expect(await agent(await silent(), { timeout: 50 })).toEqual(failed('hard', 'no answer within 50 ms'));
    expect(await agent(await says(''))).toEqual(failed('hard', 'connection closed by the server before its answer'));
    const server = await silent();
    await expectAbortToClose(server, { type: 'agent', port: server.port });
  });
});
