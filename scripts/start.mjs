// npm start: makes the clone ready, boots a kernel with IPVS and tells the story of examples/cluster.ts in it. Where no such
// kernel can be had, examples/simulator.ts runs on a simulated one instead.

import { runInLab } from './in-lab.mjs';

runInLab('examples/cluster.js', { packages: 'story', otherwise: 'examples/simulator.js' });
