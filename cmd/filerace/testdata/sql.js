// Runs SQL for TestQueries: standard input is {"engine", "setup", "queries"}; standard
// output a list of results, each a list of rows, each a list of values as text.
'use strict';
const text = (v) => (v === null ? 'NULL' : String(v));

async function duckdb(job) {
  const { DuckDBInstance } = require('@duckdb/node-api');
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(job.setup);
  const results = [];
  for (const q of job.queries) {
    results.push((await connection.runAndReadAll(q)).getRows().map((row) => row.map(text)));
  }
  return results;
}

async function clickhouse(job) {
  const { Session } = require('chdb');
  const session = new Session();
  try {
    session.query(job.setup);
    return job.queries.map((q) =>
      session.query(q + '\nSETTINGS output_format_json_quote_64bit_integers = 1', 'JSONCompactEachRow')
        .split('\n').filter((line) => line !== '').map((line) => JSON.parse(line).map(text)));
  } finally {
    session.cleanup();
  }
}

(async () => {
  const job = JSON.parse(require('fs').readFileSync(0, 'utf8'));
  const results = await { duckdb, clickhouse }[job.engine](job);
  process.stdout.write(JSON.stringify(results));
})().catch((e) => {
  console.error(e);
  process.exitCode = 1;
});
