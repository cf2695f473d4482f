// Runs one Node.js function: takes events from the Lambda Runtime API, posts what it returns.
//
// Only Node's own modules are used. The package lies in the current directory; error bodies show
// it as /var/task, where AWS puts it, so that they do not depend on the machine.

import { existsSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { format } from "node:util";

const TASK = "/var/task";
const ROOT = process.cwd();
const SELF = fileURLToPath(import.meta.url);
const require = createRequire(import.meta.url);
const number = Number(/nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV ?? "")?.[1] ?? 0);

let requestId; // of the current invocation; undefined while the runtime comes up
let answered = true; // whether the current invocation has its answer

/** Text as AWS would show it. */
const shown = (text) =>
  String(text).replaceAll(SELF, "/var/runtime/index.mjs").replaceAll(ROOT, TASK);

class Fault extends Error {
  constructor(name, message, stack) {
    super(message);
    this.name = `Runtime.${name}`;
    if (stack) this.stack = stack;
  }
}

// --- the Runtime API ---

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

/** One call. When the connection breaks the server is gone, and so is this process. */
function call(method, name, body = "", headers = {}) {
  return new Promise((resolve) => {
    const options = { host, port, agent, method, path: `/2018-06-01/runtime/${name}` };
    options.headers = { ...headers, "Content-Length": Buffer.byteLength(body) };
    const request = http.request(options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
      response.on("error", () => process.exit(1));
    });
    request.on("error", () => process.exit(1));
    request.end(body);
  });
}

// --- logs ---

/** One log event: its lines are parted by carriage returns. */
function log(level, ...message) {
  const line = [new Date().toISOString(), requestId, level, format(...message)].join("\t");
  process.stdout.write(line.replaceAll("\n", "\r") + "\n");
}

function patchConsole() {
  const levels = { trace: "TRACE", debug: "DEBUG", info: "INFO", log: "INFO", warn: "WARN" };
  for (const [name, level] of Object.entries({ ...levels, error: "ERROR", fatal: "FATAL" })) {
    console[name] = (...message) => log(level, ...message);
  }
}

// --- errors ---

function errorBody(error) {
  if (!(error instanceof Error)) {
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  }
  const trace = shown(error.stack ?? "").split("\n");
  return { errorType: error.name, errorMessage: shown(error.message), trace };
}

function logError(what, error) {
  const { errorType, errorMessage, trace: stack } = errorBody(error);
  log("ERROR", `${what} \t${JSON.stringify({ errorType, errorMessage, stack })}`);
}

// --- the user's module ---

async function load(file) {
  for (const extension of ["", ".js", ".mjs", ".cjs"]) {
    if (existsSync(file + extension)) return import(pathToFileURL(file + extension).href);
  }
  const { dir, base } = path.parse(file);
  return require(require.resolve(base, { paths: [ROOT, dir] }));
}

async function findHandler(name) {
  if (name.includes("..")) {
    throw new Fault(
      "MalformedHandlerName",
      `'${name}' is not a valid handler name. ` +
        "Use absolute paths when specifying root directories in handler names.",
    );
  }
  const base = path.basename(name);
  const [, moduleName, exported] = /^([^.]*)\.(.*)$/.exec(base) ?? [];
  if (exported === undefined) throw new Fault("MalformedHandlerName", "Bad handler");
  let module;
  try {
    module = await load(path.resolve(ROOT, path.dirname(name), moduleName));
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new Fault("UserCodeSyntaxError", String(error), error.stack);
    }
    if (error?.code === "MODULE_NOT_FOUND") throw new Fault("ImportModuleError", String(error));
    throw error;
  }
  const within = (from) => exported.split(".").reduce((at, key) => at?.[key], from);
  const handler = within(module) ?? within(module.default);
  if (!handler) throw new Fault("HandlerNotFound", `${name} is undefined or not exported`);
  if (typeof handler !== "function") {
    throw new Fault("HandlerNotFound", `${name} is not a function`);
  }
  if (handler[Symbol.for("aws.lambda.runtime.handler.streaming")]) {
    throw new Fault("MalformedStreamingHandler", "Streaming handlers cannot run here.");
  }
  if (number >= 24 && handler.length >= 3) {
    throw new Fault(
      "CallbackHandlerDeprecated",
      "ERROR: AWS Lambda has removed support for callback-based function handlers starting with " +
        "Node.js 24. You need to modify this function to use a supported handler signature to " +
        "use Node.js 24 or later. For more information see " +
        "https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.",
    );
  }
  return handler;
}

// --- invocations ---

function contextOf(headers) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const client = headers["lambda-runtime-client-context"];
  return {
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: client ? JSON.parse(Buffer.from(client, "latin1").toString()) : undefined,
    identity: undefined,
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

/** What the handler gives back, by promise or, before Node.js 24, by callback. */
function run(handler, event, context) {
  if (number >= 24) return Promise.resolve(handler(event, context));
  return new Promise((resolve, reject) => {
    // Nothing is left to do and there was no answer: null, as on AWS.
    let onIdle = () => resolve(null);
    const idle = () => onIdle();
    const settle = (act) => {
      process.removeListener("beforeExit", idle);
      act();
    };
    const callback = (error, result) => {
      if (error !== undefined && error !== null) return settle(() => reject(error));
      if (!context.callbackWaitsForEmptyEventLoop) return settle(() => resolve(result));
      onIdle = () => settle(() => resolve(result));
    };
    Object.assign(context, {
      done: (error, result) => {
        context.callbackWaitsForEmptyEventLoop = false;
        callback(error, result);
      },
      succeed: (result) => context.done(null, result),
      fail: (error) => context.done(error === undefined || error === null ? "handled" : error),
    });
    process.once("beforeExit", idle);
    const returned = handler(event, context, callback);
    if (typeof returned?.then === "function") {
      returned.then(
        (result) => settle(() => resolve(result)),
        (error) => settle(() => reject(error)),
      );
    }
  });
}

function stringify(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) ?? "null";
  } catch {
    throw new Fault("JSONStringifyError", "Unable to stringify response body");
  }
}

async function fail(what, error, id = requestId) {
  answered = true;
  logError(what, error);
  await call("POST", `invocation/${id}/error`, JSON.stringify(errorBody(error)));
}

/** An error that reached nobody: it is the answer, and this process ends. */
async function crash(what, error, status) {
  if (requestId === undefined) await failInit(error);
  // The connection may be waiting for the next event; then nobody wants this error.
  if (!answered) await fail(what, error);
  else logError(what, error);
  process.exit(status);
}

async function failInit(error) {
  logError("Uncaught Exception", error);
  const body = errorBody(error);
  const headers = { "Lambda-Runtime-Function-Error-Type": encodeURIComponent(body.errorType) };
  await call("POST", "init/error", JSON.stringify(body), headers);
  process.exit(1);
}

patchConsole();
process.on("uncaughtException", (error) => crash("Uncaught Exception", error, 129));
process.on("unhandledRejection", (reason) => {
  const stack = reason instanceof Error ? reason.stack : undefined;
  const error = new Fault("UnhandledPromiseRejection", String(reason), stack);
  crash("Unhandled Promise Rejection", error, 128);
});

let handler;
try {
  handler = await findHandler(process.env._HANDLER);
} catch (error) {
  await failInit(error);
}
for (;;) {
  const { headers, body } = await call("GET", "invocation/next");
  requestId = headers["lambda-runtime-aws-request-id"];
  answered = false;
  process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
  try {
    const result = stringify(await run(handler, JSON.parse(body), contextOf(headers)));
    answered = true;
    await call("POST", `invocation/${requestId}/response`, result);
  } catch (error) {
    await fail("Invoke Error", error);
  }
}
