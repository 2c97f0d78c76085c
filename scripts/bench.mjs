// npm run bench: measures the SDK against ipvsadm, on a kernel booted for it.

import { runInLab } from './in-lab.mjs';

runInLab('test/bench/run.js');
