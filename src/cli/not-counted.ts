/** What people are told where statistics stand still: see `Ipvs.countsTraffic`. */
export const NOT_COUNTED =
  'net.ipv4.vs.run_estimation is 0, or est_cpulist is empty: counters and rates stand still, and are not known';
