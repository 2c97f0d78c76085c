/**
 * Running one check once: the right probe, its time limit, and every end of it in words.
 * @module
 */
import type { NormalCheck } from '../model/check.js';
import { onAbort } from './abort.js';
import type { CheckOutcome, Target } from './check-outcome.js';
import { notMeasured } from './outcome.js';
import { probeAgent } from './probes/agent.js';
import { probeDns } from './probes/dns.js';
import { probeExec } from './probes/exec.js';
import { probeFile } from './probes/file.js';
import { probeGrpc } from './probes/grpc.js';
import { probeHttp } from './probes/http.js';
import { probeLdap } from './probes/ldap.js';
import { probeMysql } from './probes/mysql.js';
import { probePing } from './probes/ping.js';
import { probePostgresql } from './probes/postgresql.js';
import { probeRadius } from './probes/radius.js';
import { probeScript } from './probes/script.js';
import { probeSip } from './probes/sip.js';
import { probeSmtp } from './probes/smtp.js';
import { probeTcp } from './probes/tcp.js';
import { probeUdp } from './probes/udp.js';
import { type Probe, Run } from './run.js';
import { outcomeOf } from './system-error.js';

/** The probe of each type of check. */
const PROBES: { readonly [Type in NormalCheck['type']]: Probe<Extract<NormalCheck, { type: Type }>> } = {
  tcp: probeTcp,
  http: probeHttp,
  script: probeScript,
  smtp: probeSmtp,
  dns: probeDns,
  udp: probeUdp,
  exec: probeExec,
  file: probeFile,
  agent: probeAgent,
  grpc: probeGrpc,
  ping: probePing,
  ldap: probeLdap,
  mysql: probeMysql,
  postgresql: probePostgresql,
  radius: probeRadius,
  sip: probeSip,
};

/**
 * One run of a check. `target` is where it goes: the caller has put the check's own address and port there, if it has some. It never
 * rejects, and when it resolves or `signal` aborts, all that it had opened is closed.
 */
export function runCheck(target: Target, check: NormalCheck, signal: AbortSignal): Promise<CheckOutcome> {
  if (signal.aborted) return Promise.resolve(ENDED);
  // The type that chooses the probe is the type of its check, which the compiler cannot follow through a table.
  const probe = PROBES[check.type] as Probe;
  return new Promise((resolve) => {
    const run = new Run();
    const finish = (outcome: CheckOutcome) => {
      if (run.ended) return;
      clearTimeout(timer);
      unsubscribe();
      run.end();
      resolve(outcome);
    };
    // What came while this program stood still is heard before the time is over: Node calls timers first, and looks at sockets then.
    const timer = setTimeout(() => setImmediate(() => finish(run.late(check.timeout))), check.timeout);
    const unsubscribe = onAbort(signal, () => finish(ENDED));
    probe(target, check, run).then(finish, (error: unknown) => finish(outcomeOf(error)));
  });
}

/** Nobody wants to know any more. */
const ENDED = notMeasured('ended before there was an answer');
