/**
 * The state that a demonstration shows when it is given none.
 * @module
 */

/** A web site by IPv4 and IPv6, a name server, and a mark. */
export const DEMO_DOCUMENT = `version: 1
checks:
  web: { type: http, path: /health, interval: 2s, fall: 2 }
  alive: { type: tcp, interval: 2s, fall: 2 }
  name: { type: dns, name: www.example.com, interval: 2s, fall: 2 }
pools:
  web:
    - 10.0.0.11
    - { address: 10.0.0.12, weight: 2 }
    - { address: 10.0.0.13, weight: 2 }
    - 10.0.0.14
services:
  - service: tcp://192.0.2.10:80
    scheduler: wlc
    forward: nat
    checks: [web]
    ramp: 10s
    sorry: 10.0.0.19
    pool: web
  - service: tcp://192.0.2.10:443
    scheduler: mh
    forward: nat
    persistence: 60
    checks: [alive]
    pool: web
  - service: tcp://[2001:db8::10]:80
    scheduler: wrr
    forward: nat
    checks: [web]
    quorum: { up: 2 }
    backups: ['2001:db8:1::21']
    destinations: ['2001:db8:1::11', '2001:db8:1::12']
  - service: udp://192.0.2.53:53
    scheduler: rr
    onePacket: true
    checks: [name]
    onFailure: { removeAfter: 5s }
    destinations: [10.0.0.31, 10.0.0.32]
  - service: fwmark://7
    scheduler: lc
    destinations: [10.0.0.41, 10.0.0.42]
`;
