// Every operation of Step Functions, called by the AWS SDK for JavaScript v3.
//
//   node tour.mjs http://127.0.0.1:8083 arn:aws:iam::000000000000:role/states \
//     arn:aws:iam::111122223333:role/states
import assert from "node:assert/strict";
import http from "node:http";
import * as sfn from "@aws-sdk/client-sfn";

const [endpoint, roleArn, pagesRoleArn] = process.argv.slice(2);
const called = new Set();
const hosts = new Map();

function client(options) {
  const made = new sfn.SFNClient({
    endpoint, region: "us-east-2", maxAttempts: 1,
    credentials: { accessKeyId: "test", secretAccessKey: "test" }, ...options,
  });
  made.middlewareStack.add((next, context) => (args) => {
    const name = context.commandName.replace(/Command$/, "");
    called.add(name);
    hosts.set(name, args.request.hostname);
    return next(args);
  }, { step: "finalizeRequest", priority: "low" });
  return made;
}

const plain = client({ disableHostPrefix: true });
const call = (name, input = {}, by = plain) => by.send(new sfn[`${name}Command`](input));

async function refused(error, name, input) {
  await assert.rejects(call(name, input), (refusal) => {
    assert.equal(refusal.name, error, refusal.message);
    assert.equal(refusal.$metadata.httpStatusCode, 400);
    assert.ok(refusal instanceof sfn.SFNServiceException);
    return true;
  });
}

async function until(what, probe) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within 30 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const ended = (executionArn) => until(`${executionArn} ends`, async () => {
  const found = await call("DescribeExecution", { executionArn });
  return found.status === "RUNNING" ? undefined : found;
});

const PASS = { StartAt: "P", States: { P: { Type: "Pass", End: true } } };
const machine = async (name, definition, more = {}) => (await call("CreateStateMachine", {
  name, roleArn, definition: JSON.stringify(definition), ...more })).stateMachineArn;

async function machines() {
  const definition = JSON.stringify(PASS);
  const { result } = await call("ValidateStateMachineDefinition", { definition });
  assert.equal(result, "OK");
  const created = await call("CreateStateMachine", {
    name: "js", roleArn, definition, publish: true, tags: [{ key: "a", value: "1" }] });
  assert.ok(created.creationDate instanceof Date);
  const { stateMachineArn, stateMachineVersionArn } = created;
  assert.equal(stateMachineVersionArn, `${stateMachineArn}:1`);
  await call("TagResource", { resourceArn: stateMachineArn, tags: [{ key: "b", value: "2" }] });
  await call("UntagResource", { resourceArn: stateMachineArn, tagKeys: ["a"] });
  const { tags } = await call("ListTagsForResource", { resourceArn: stateMachineArn });
  assert.deepEqual(tags, [{ key: "b", value: "2" }]);
  const { revisionId } = await call("UpdateStateMachine", {
    stateMachineArn, definition: JSON.stringify({ ...PASS, Comment: "new" }) });
  assert.equal((await call("DescribeStateMachine", { stateMachineArn })).revisionId, revisionId);
  const second = await call("PublishStateMachineVersion", { stateMachineArn, revisionId });
  assert.equal(second.stateMachineVersionArn, `${stateMachineArn}:2`);
  const { stateMachineAliasArn } = await call("CreateStateMachineAlias", {
    name: "live", routingConfiguration: [{ stateMachineVersionArn, weight: 100 }] });
  const { executionArn } = await call("StartExecution", { stateMachineArn: stateMachineAliasArn });
  const run = await ended(executionArn);
  assert.equal(run.status, "SUCCEEDED");
  assert.equal(run.stateMachineVersionArn, stateMachineVersionArn);
  const of = await call("DescribeStateMachineForExecution", { executionArn });
  assert.equal(of.definition, definition);
  await call("UpdateStateMachineAlias", { stateMachineAliasArn, description: "d" });
  const alias = await call("DescribeStateMachineAlias", { stateMachineAliasArn });
  assert.equal(alias.description, "d");
  const { stateMachineAliases } = await call("ListStateMachineAliases", { stateMachineArn });
  assert.equal(stateMachineAliases.length, 1);
  await refused("ConflictException", "DeleteStateMachineVersion", { stateMachineVersionArn });
  await call("DeleteStateMachineAlias", { stateMachineAliasArn });
  await call("DeleteStateMachineVersion", { stateMachineVersionArn });
  const { stateMachineVersions } = await call("ListStateMachineVersions", { stateMachineArn });
  assert.deepEqual(stateMachineVersions.map((it) => it.stateMachineVersionArn),
    [second.stateMachineVersionArn]);
  await call("DeleteStateMachine", { stateMachineArn });
  await until("the machine is gone", async () => !(await call("ListStateMachines"))
    .stateMachines.some((it) => it.name === "js"));
}

async function activitiesAndRedrive() {
  const { activityArn } = await call("CreateActivity", { name: "js" });
  assert.equal((await call("DescribeActivity", { activityArn })).name, "js");
  assert.equal((await call("ListActivities", {})).activities.length, 1);
  const stateMachineArn = await machine("js-activity", { StartAt: "A", States: {
    A: { Type: "Task", Resource: activityArn, HeartbeatSeconds: 60, End: true } } });
  // The worker waits before there is a task.
  const polled = call("GetActivityTask", { activityArn, workerName: "js" });
  const { executionArn } = await call("StartExecution", {
    stateMachineArn, name: "one", input: '{"n":1}' });
  const first = await polled;
  assert.deepEqual(JSON.parse(first.input), { n: 1 });
  await call("SendTaskHeartbeat", { taskToken: first.taskToken });
  await call("SendTaskFailure", { taskToken: first.taskToken, error: "No", cause: "not yet" });
  const failed = await ended(executionArn);
  assert.deepEqual([failed.status, failed.error, failed.redriveStatus],
    ["FAILED", "No", "REDRIVABLE"]);
  const { redriveDate } = await call("RedriveExecution", { executionArn });
  assert.ok(redriveDate instanceof Date);
  const { taskToken } = await call("GetActivityTask", { activityArn });
  await call("SendTaskSuccess", { taskToken, output: "2" });
  assert.equal((await ended(executionArn)).output, "2");
  await refused("InvalidToken", "SendTaskSuccess", { taskToken: "forged", output: "2" });
  const types = [];
  for await (const { events } of sfn.paginateGetExecutionHistory(
    { client: plain, pageSize: 3 }, { executionArn })) types.push(...events.map((it) => it.type));
  assert.equal(types.filter((type) => type === "ExecutionRedriven").length, 1);
  assert.equal(types.at(-1), "ExecutionSucceeded");
  const { executions } = await call("ListExecutions", {
    stateMachineArn, statusFilter: "SUCCEEDED" });
  assert.deepEqual(executions.map((it) => it.executionArn), [executionArn]);
  await call("DeleteActivity", { activityArn });
  const waiting = await machine("js-wait", { StartAt: "W", States: {
    W: { Type: "Wait", Seconds: 600, End: true } } });
  const long = (await call("StartExecution", { stateMachineArn: waiting })).executionArn;
  await call("StopExecution", { executionArn: long, error: "Enough" });
  assert.equal((await ended(long)).status, "ABORTED");
  assert.deepEqual((await call("ListMapRuns", { executionArn: long })).mapRuns, []);
  const mapRunArn = `${long.replace(":execution:", ":mapRun:").replace(/:[^:]*$/, "")}/M:1`;
  await refused("ResourceNotFound", "DescribeMapRun", { mapRunArn });
  await refused("ResourceNotFound", "UpdateMapRun", { mapRunArn, maxConcurrency: 1 });
}

// Every list that the SDK pages through, by pages of two, in an account that has nothing else.
async function pages() {
  const by = client({ disableHostPrefix: true,
    credentials: { accessKeyId: "111122223333", secretAccessKey: "x" } });
  const names = ["p-0", "p-1", "p-2", "p-3", "p-4"];
  const states = "arn:aws:states:us-east-2:111122223333";
  for (const name of names) {
    const made = await call("CreateStateMachine", { name, roleArn: pagesRoleArn,
      definition: JSON.stringify(PASS) }, by);
    assert.equal(made.stateMachineArn, `${states}:stateMachine:${name}`);
    await call("CreateActivity", { name }, by);
    await call("StartExecution", { stateMachineArn: `${states}:stateMachine:p-0`, name }, by);
  }
  const listed = async (paginate, member, input = {}) => {
    const found = [];
    for await (const page of paginate({ client: by, pageSize: 2 }, input)) {
      assert.ok(page[member].length <= 2);
      found.push(...page[member].map((it) => it.name));
    }
    return found;
  };
  assert.deepEqual(await listed(sfn.paginateListStateMachines, "stateMachines"), names);
  assert.deepEqual(await listed(sfn.paginateListActivities, "activities"), names);
  assert.deepEqual(await listed(sfn.paginateListExecutions, "executions",
    { stateMachineArn: `${states}:stateMachine:p-0` }), [...names].reverse());
  assert.deepEqual(await listed(sfn.paginateListMapRuns, "mapRuns",
    { executionArn: `${states}:execution:p-0:p-0` }), []);
}

// Errors are of the classes that the SDK has for them, with the members that the model gives them.
async function errors() {
  const none = "arn:aws:states:us-east-2:000000000000:stateMachine:none";
  for (const [name, input, type] of [
    ["DescribeStateMachine", { stateMachineArn: none }, sfn.StateMachineDoesNotExist],
    ["StartExecution", { stateMachineArn: "none" }, sfn.InvalidArn],
    ["ListStateMachines", { nextToken: "forged" }, sfn.InvalidToken],
    ["ListStateMachines", { maxResults: 1001 }, sfn.ValidationException],
    ["StartExecution", { stateMachineArn: `${none}/label` }, sfn.ValidationException],
  ]) {
    await assert.rejects(call(name, input), (refusal) => {
      assert.ok(refusal instanceof type, `${name}: ${refusal}`);
      assert.ok(refusal.message && refusal.$metadata.requestId, name);
      if (input.stateMachineArn?.endsWith("/label")) {
        assert.equal(refusal.reason, "API_DOES_NOT_SUPPORT_LABELED_ARNS");
      }
      return true;
    });
  }
}

// Two operations are sent to `sync-` and the endpoint's host, unless that is switched off. No
// resolver knows that name, so it is looked up here; the server must take it as its own.
async function hostPrefix() {
  const stateMachineArn = await machine("js-express", PASS, { type: "EXPRESS" });
  const agent = new http.Agent({ lookup: (_host, options, found) =>
    options.all ? found(null, [{ address: "127.0.0.1", family: 4 }])
      : found(null, "127.0.0.1", 4) });
  const { port } = new URL(endpoint);
  for (const [host, by] of [
    ["127.0.0.1", plain],
    ["sync-127.0.0.1", client({ requestHandler: { httpAgent: agent } })],
    ["sync-localhost", client({ endpoint: `http://localhost:${port}`,
      requestHandler: { httpAgent: agent } })],
    ["sync-states.us-east-2.localhost", client({
      endpoint: `http://states.us-east-2.localhost:${port}`,
      requestHandler: { httpAgent: agent } })],
  ]) {
    const run = await call("StartSyncExecution", { stateMachineArn, input: '{"a":1}' }, by);
    assert.deepEqual([run.status, run.output], ["SUCCEEDED", '{"a":1}']);
    assert.ok(run.billingDetails.billedMemoryUsedInMB >= 64);
    const tested = await call("TestState", {
      definition: JSON.stringify({ Type: "Pass", Result: 7, Next: "N" }),
      inspectionLevel: "DEBUG" }, by);
    assert.deepEqual([tested.output, tested.nextState, tested.status], ["7", "N", "SUCCEEDED"]);
    assert.equal(hosts.get("StartSyncExecution"), host);
    assert.equal(hosts.get("TestState"), host);
  }
}

for (const part of [machines, activitiesAndRedrive, pages, errors, hostPrefix]) {
  await part();
  console.log(`${part.name}: ok`);
}
const all = Object.keys(sfn).filter((name) => name.endsWith("Command") && name !== "$Command");
assert.deepEqual([...called].sort(), all.map((name) => name.replace(/Command$/, "")).sort());
console.log(`${called.size} operations`);
