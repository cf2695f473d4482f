// The second opinion on IAM policies: reads cases, one JSON object to a line, and answers each with
// one letter to a line: A allowed, E explicitly denied, I implicitly denied; `!` and a text if the
// case could not be judged. `harness::judge` writes the cases and compares.
//
// The judge is @cloud-copilot/iam-simulate, which is AGPL-3.0-or-later. It is installed for tests
// only (the package.json beside this file), runs in this process and nowhere else, and no part of
// it is copied into Lockstep, whose own code is Apache-2.0.
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";

// Its public function either checks what is asked against AWS's lists of actions and keys, so that
// no invented key could be used, or leaves session policies out; the function below both does not.
const entry = fileURLToPath(import.meta.resolve("@cloud-copilot/iam-simulate"));
const inner = (path) => import(new URL(path, pathToFileURL(entry)));
const { authorize } = await inner("./core_engine/CoreSimulatorEngine.js");
const { AwsRequestImpl } = await inner("./request/request.js");
const { RequestContextImpl } = await inner("./requestContext.js");
const { DiscoveryContextKeyConstraints } =
  await inner("./context_keys/discoveryContextKeyConstraints.js");
const { loadPolicy } =
  await import(import.meta.resolve("@cloud-copilot/iam-policy", pathToFileURL(entry)));

const LETTERS = { Allowed: "A", ExplicitlyDenied: "E", ImplicitlyDenied: "I" };
const policy = (document, name) => (document ? loadPolicy(document, { name }) : undefined);
const everything = { Version: "2012-10-17",
  Statement: { Effect: "Allow", Action: "*", Resource: "*" } };
const organization = [{ orgIdentifier: "all", policies: [policy(everything, "all")] }];
const simulationParameters = { simulationMode: "Strict",
  discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([]) };

function judge(asked) {
  const boundary = policy(asked.boundary, "boundary");
  const { result } = authorize({
    request: new AwsRequestImpl(asked.principal ?? { type: "Anonymous" },
      { resource: asked.resource, accountId: asked.account }, asked.action,
      new RequestContextImpl(asked.context), asked.resource === "*"),
    identityPolicies: asked.identity.map((document, number) => policy(document, `${number}`)),
    sessionPolicy: policy(asked.session, "session"),
    permissionBoundaries: boundary ? [boundary] : undefined,
    resourcePolicy: policy(asked.resourcePolicy, "resource"),
    serviceControlPolicies: organization,
    resourceControlPolicies: organization,
    vpcEndpointPolicies: undefined,
    simulationParameters,
    serviceSettings: {},
  });
  return LETTERS[result] ?? `!${result}`;
}

let answers = [];
const flush = () => { process.stdout.write(answers.join("")); answers = []; };
for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try { answer = judge(JSON.parse(line)); } catch (error) { answer = `!${error.message}`; }
  answers.push(`${answer.replaceAll("\n", " ")}\n`);
  if (answers.length === 256) flush();
}
flush();
