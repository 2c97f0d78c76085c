import { insideLab } from './inside.js';

// On a machine whose own kernel has ip_vs these tests would take its tables apart.
if (!insideLab()) throw new Error('These tests run in the lab only: npm test -- kernel');
