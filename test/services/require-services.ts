// They take ports, users and packages that a machine has for other ends.
if (process.env['IPVS_TEST_SERVICES'] === undefined) throw new Error('These tests run by: npm test -- services');
