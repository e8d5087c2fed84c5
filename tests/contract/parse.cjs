// Parses an AsyncAPI document with the official parser, and prints what it has to say as JSON.
const { readFileSync } = require("node:fs");
const { Parser } = require("@asyncapi/parser");

async function main(file) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
  const messages = document?.allMessages().all().map((message) => message.name());
  const told = diagnostics.map(({ code, message, path, severity }) => ({ code, message, path, severity }));
  console.log(JSON.stringify({ messages, diagnostics: told }));
}

main(process.argv[2]);
