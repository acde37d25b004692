import { killMachines } from './killMachines.ts';
import { killSearch } from './killSearch.ts';
import { postgresPrograms, postgresReason } from './postgresServer.ts';

// `npm run test:hpo [kills]`: searches with real processes, killed at random moments and started
// again with the same command. Default 30 kills each.
const kills = Number(process.argv[2] ?? 30);
const failures: string[] = [];

const killed = await killSearch(kills, 0);
console.log('one machine, journal:', JSON.stringify(killed));
if (!killed.equal) failures.push('a killed search differs from one that nobody killed');

if (postgresPrograms === undefined) {
  console.log(`three machines, PostgreSQL: skipped; ${postgresReason}`);
} else {
  const rounds = Math.max(2, Math.round(kills / 2));
  const machines = await killMachines(rounds, 0);
  console.log('three machines, PostgreSQL:', JSON.stringify(machines));
  if (machines.takenOver === 0 && rounds > 3) failures.push('no trial was ever taken over');
}

console.log(failures.length === 0 ? 'hpo: passed' : `hpo: FAILED: ${failures.join(', ')}`);
process.exitCode = failures.length === 0 ? 0 : 1;
