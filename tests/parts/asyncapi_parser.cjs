// Reads an AsyncAPI document from standard input and prints what AsyncAPI's own parser finds wrong with it, one line each.
"use strict";
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");

const WARNING = 1; // errors are 0; hints, as that there is a newer version of the specification, are above
const { Parser } = createRequire(process.argv[2])("@asyncapi/parser");

async function main() {
  const { document, diagnostics } = await new Parser().parse(readFileSync(0, "utf8"));
  const faults = diagnostics.filter(({ severity }) => severity <= WARNING);
  for (const { code, path, message } of faults) console.log(`${path.join("/")}: ${message} (${code})`);
  if (document === undefined && faults.length === 0) console.log("it cannot be read, and the parser does not say why");
}

main();
