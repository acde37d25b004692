import process from 'node:process';
import { runHeadline } from './headlineMain.ts';
import { killMachines } from './killMachines.ts';
import { killSearch } from './killSearch.ts';
import { postgresPrograms, postgresReason } from './postgresServer.ts';

// `npm run test:hpo -- [kills]`: searches with real processes, killed at random moments and started
// again with the same command, 30 times each by default. `npm run test:hpo -- headline`: the search
// of a generated project on real data, which takes half an hour.
const [first, ...sizes] = process.argv.slice(2);
const failures =
  first === 'headline' ? await runHeadline(sizes) : await killAll(Number(first || 30));
console.log(failures.length === 0 ? 'hpo: passed' : `hpo: FAILED: ${failures.join(', ')}`);
process.exitCode = failures.length === 0 ? 0 : 1;

async function killAll(kills: number): Promise<string[]> {
  const found: string[] = [];
  const killed = await killSearch(kills, 0);
  console.log('one machine, journal:', JSON.stringify(killed));
  if (!killed.equal) found.push('a killed search differs from one that nobody killed');
  if (postgresPrograms === undefined) {
    console.log(`three machines, PostgreSQL: skipped; ${postgresReason}`);
    return found;
  }
  const rounds = Math.max(2, Math.round(kills / 2));
  const machines = await killMachines(rounds, 0);
  console.log('three machines, PostgreSQL:', JSON.stringify(machines));
  if (machines.takenOver === 0 && rounds > 3) found.push('no trial was ever taken over');
  return found;
}
