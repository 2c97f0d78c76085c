/**
 * Running one check once: the right probe, its time limit, and every end of it in words.
 * @module
 */
import { callSockets } from '../linux/call-sockets.js';
import type { NormalCheck } from '../model/check.js';
import { onAbort } from './abort.js';
import type { CheckOutcome, Target } from './check-outcome.js';
import { LimitedRun } from './limited-run.js';
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
import { probeTcp, TcpRun } from './probes/tcp.js';
import { probeUdp } from './probes/udp.js';
import type { Done, Probe, Started } from './run.js';
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
 * Begins one run of a check, and gives what ends it before its time. `target` is where it goes: the caller has put the check's own
 * address and port there, if it has some. `done` is called once, never before this returns, and not after the run was ended. By
 * then all that it had opened is closed.
 */
export function startCheck(target: Target, check: NormalCheck, done: Done): Started {
  const sockets = check.type === 'tcp' ? callSockets() : undefined;
  if (sockets !== undefined) return new TcpRun(sockets, target, check, done);
  const run = new LimitedRun(check.timeout, done);
  // The type that chooses the probe is the type of its check, which the compiler cannot follow through a table.
  const probe = PROBES[check.type] as Probe;
  probe(target, check, run).then(
    (outcome) => run.finish(outcome),
    (error: unknown) => run.finish(outcomeOf(error)),
  );
  return run;
}

/** One run of a check, as {@link startCheck}. It never rejects. */
export function runCheck(target: Target, check: NormalCheck, signal: AbortSignal): Promise<CheckOutcome> {
  if (signal.aborted) return Promise.resolve(ENDED);
  return new Promise((resolve) => {
    const run = startCheck(target, check, (outcome) => {
      unsubscribe();
      resolve(outcome);
    });
    const unsubscribe = onAbort(signal, () => {
      run.end();
      resolve(ENDED);
    });
  });
}

/** Nobody wants to know any more. */
const ENDED = notMeasured('ended before there was an answer');
