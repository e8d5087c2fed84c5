// Makes TypeScript of an AsyncAPI document with Modelina: one file for each type, into a folder.
const { mkdirSync, readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { TypeScriptGenerator } = require("@asyncapi/modelina");

async function main(file, folder) {
  const generator = new TypeScriptGenerator({ modelType: "interface", enumType: "union" });
  const models = await generator.generateCompleteModels(JSON.parse(readFileSync(file, "utf8")), { exportType: "named" });
  mkdirSync(folder, { recursive: true });
  for (const model of models) writeFileSync(join(folder, `${model.modelName}.ts`), model.result);
}

main(process.argv[2], process.argv[3]);
