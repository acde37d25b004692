/** Downloads from a hub until it is killed: prints each step. Arguments: endpoint, folder. */
import { downloadFromHub } from '../../../../runtime/src/data/hub/downloadFromHub.ts';

const [endpoint, folder] = process.argv.slice(2);
const result = await downloadFromHub({ repo: 'me/set', endpoint, folder }, (file, done) => {
  console.log(`${file} ${done}`);
});
console.log(JSON.stringify(result.files));
