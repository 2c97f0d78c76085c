// npm start: makes the clone ready, boots a kernel with IPVS and tells the story of examples/cluster.ts in it.

import { runInLab } from './in-lab.mjs';

runInLab('examples/cluster.js');
