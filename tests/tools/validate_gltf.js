// Prints the Khronos validator's report on the binary glTF file given as the argument.
import { readFile } from "node:fs/promises";
import validator from "gltf-validator";

const content = new Uint8Array(await readFile(process.argv[2]));
const report = await validator.validateBytes(content, { format: "glb", maxIssues: 100 });
console.log(JSON.stringify(report));
