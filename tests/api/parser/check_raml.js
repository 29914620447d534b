// Reads RAML 1.0 files with webapi-parser and prints what it finds wrong, one a line; exit status 1 if anything is.
const { WebApiParser } = require("webapi-parser");

async function check(file) {
  const model = await WebApiParser.raml10.parse(`file://${file}`);
  const report = await WebApiParser.raml10.validate(model);
  for (const { level, message, position } of report.results) {
    console.log(`${file}:${position ? position.start.line : 0}: ${level}: ${message}`);
  }
  return report.conforms && report.results.length === 0;
}

(async () => {
  let isFine = true;
  for (const file of process.argv.slice(2)) {
    isFine = (await check(file)) && isFine;
  }
  process.exit(isFine ? 0 : 1);
})().catch((error) => {
  console.log(String(error));
  process.exit(2);
});
