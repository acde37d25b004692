import { killResume } from './killResume.ts';

// `npm run test:resume`: real trainings killed again and again; an argument says how often, default 50.
const failures: string[] = [];
const kills = Number(process.argv[2] ?? 50);
const killed = await killResume(kills);
console.log('killed trainings:', JSON.stringify(killed));
if (killed.differences.length > 0) failures.push('a killed training ended differently');

// Two optimizers in rounds, killed a quarter as often.
const gan = await killResume(Math.ceil(kills / 4), { module: 'DigitGan', seed: 2 });
console.log('killed GANs:', JSON.stringify(gan));
if (gan.differences.length > 0) failures.push('a killed GAN ended differently');

// The same check with a broken key: it must find something, or it proves nothing.
const planted = await killResume(4, { planted: true });
console.log('planted error:', JSON.stringify(planted));
if (planted.differences.length === 0) failures.push('the planted error was not found');

console.log(failures.length === 0 ? 'resume: passed' : `resume: FAILED: ${failures.join(', ')}`);
process.exitCode = failures.length === 0 ? 0 : 1;
