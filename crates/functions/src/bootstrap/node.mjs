// Runs one Node.js function: takes events from the Lambda Runtime API, posts what it returns.
//
// Only Node's own modules are used. The package lies in the current directory, the layers in a folder
// that is an argument; error bodies show them as /var/task and /opt, where AWS puts them, so that they
// do not depend on the machine. A package that brings AWS's own client for this (aws-lambda-ric) is
// run by that.

import { existsSync, readFileSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { Writable } from "node:stream";
import { fileURLToPath, pathToFileURL } from "node:url";
import { format } from "node:util";

const ROOT = process.cwd();
const [OPT = "/opt"] = process.argv.splice(2);
const SELF = fileURLToPath(import.meta.url);
const require = createRequire(import.meta.url);
const number = Number(/nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV ?? "")?.[1] ?? 0);

let requestId; // of the current invocation; undefined while the runtime comes up
let answered = true; // whether the current invocation has its answer

/** Text as AWS would show it. */
const shown = (text) =>
  String(text)
    .replaceAll(SELF, "/var/runtime/index.mjs")
    .replaceAll(ROOT, "/var/task")
    .replaceAll(OPT, "/opt");

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

/** Begins a call. When the connection breaks the server is gone, and so is this process. */
function begin(method, name, headers, resolve) {
  const options = { host, port, agent, method, path: `/2018-06-01/runtime/${name}`, headers };
  const request = http.request(options, (response) => {
    const chunks = [];
    response.on("data", (chunk) => chunks.push(chunk));
    response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
    response.on("error", () => process.exit(1));
  });
  request.on("error", () => process.exit(1));
  return request;
}

/** One call. */
function call(method, name, body = "", headers = {}) {
  return new Promise((resolve) => {
    const length = { "Content-Length": Buffer.byteLength(body) };
    begin(method, name, { ...headers, ...length }, resolve).end(body);
  });
}

// --- logs ---

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const JSON_LOGS = process.env.AWS_LAMBDA_LOG_FORMAT === "JSON";
const LEAST = JSON_LOGS ? LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL ?? "INFO") : 0;

/** One log event: its lines are parted by carriage returns. */
function log(level, ...message) {
  if (LEVELS.indexOf(level) < LEAST) return;
  const line = JSON_LOGS
    ? jsonRecord(level, message)
    : [new Date().toISOString(), requestId, level, format(...message)].join("\t");
  process.stdout.write(line.replaceAll("\n", "\r") + "\n");
}

const errorMembers = (error) => ({
  errorType: error?.constructor?.name ?? "UnknownError",
  errorMessage: error.message,
  stackTrace: typeof error.stack === "string" ? shown(error.stack).split("\n") : [],
});

/** A single value stands as it is; several become text, the first error among them in full. */
function jsonRecord(level, message) {
  const record = { timestamp: new Date().toISOString(), level, requestId };
  if (message.length === 1) {
    const inFull = (_, value) =>
      value instanceof Error ? { ...errorMembers(value), ...value } : value;
    try {
      return JSON.stringify({ ...record, message: message[0] }, inFull);
    } catch {
      return JSON.stringify({ ...record, message: format(message[0]) });
    }
  }
  const error = message.find((part) => part instanceof Error);
  return JSON.stringify({ ...record, message: format(...message), ...(error && errorMembers(error)) });
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
  if (JSON_LOGS) log("ERROR", { errorType, errorMessage, stackTrace: stack });
  else log("ERROR", `${what} \t${JSON.stringify({ errorType, errorMessage, stack })}`);
}

// --- the user's module ---

/** The order of AWS: as it is, `.js` by the kind of the package, `.mjs`, `.cjs`, a dependency. */
async function load(file) {
  const required = (extension) =>
    existsSync(file + extension) ? require(file + extension) : undefined;
  const imported = (extension) =>
    existsSync(file + extension) ? import(pathToFileURL(file + extension).href) : undefined;
  const isModule = packageType(path.dirname(file)) === "module";
  const loaded =
    required("") ??
    (await (isModule ? imported(".js") : required(".js"))) ??
    (await imported(".mjs")) ??
    required(".cjs");
  if (loaded !== undefined) return loaded;
  const { dir, base } = path.parse(file);
  return require(require.resolve(base, { paths: [ROOT, dir] }));
}

/** `type` of the nearest package.json, from `folder` up to the root of the package. */
function packageType(folder) {
  const file = path.join(folder, "package.json");
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")).type;
  return folder.startsWith(ROOT + path.sep) ? packageType(path.dirname(folder)) : undefined;
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
  if (number >= 24 && handler.length >= 3 && !handler[STREAMING]) {
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

// --- streamed responses ---

const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const ERROR_TRAILERS = ["Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Error-Body"];

globalThis.awslambda = {
  streamifyResponse(handler) {
    handler[STREAMING] = "response";
    return handler;
  },
  HttpResponseStream: {
    /** What an HTTP front wants to know stands before the body, parted by eight NULs. */
    from(stream, metadata) {
      stream.setContentType("application/vnd.awslambda.http-integration-response");
      stream.write(JSON.stringify(metadata) + "\0".repeat(8));
      return stream;
    },
  },
};

/** The response of the current invocation, sent as it is written. */
class ResponseStream extends Writable {
  #contentType = "application/octet-stream";
  #request;
  done = new Promise((resolve) => (this.settle = resolve));

  setContentType(type) {
    this.#contentType = type;
  }

  get isBegun() {
    return this.#request !== undefined;
  }

  #begin() {
    const headers = {
      "Content-Type": this.#contentType,
      "Lambda-Runtime-Function-Response-Mode": "streaming",
      Trailer: ERROR_TRAILERS.join(", "),
      "Transfer-Encoding": "chunked",
    };
    answered = true;
    const name = `invocation/${requestId}/response`;
    this.#request ??= begin("POST", name, headers, this.settle);
    return this.#request;
  }

  _write(chunk, encoding, next) {
    this.#begin().write(chunk, encoding, next);
  }

  _final(next) {
    this.#begin().end(next);
  }

  /** Ends a response that has begun with an error. */
  break(error) {
    const body = errorBody(error);
    const encoded = Buffer.from(JSON.stringify(body)).toString("base64");
    const request = this.#begin();
    request.addTrailers([
      [ERROR_TRAILERS[0], encodeURIComponent(body.errorType)],
      [ERROR_TRAILERS[1], encoded],
    ]);
    request.end();
  }
}

async function stream(handler, event, context) {
  const response = new ResponseStream();
  try {
    await handler(event, response, context);
    if (!response.writableEnded) response.end();
  } catch (error) {
    if (!response.isBegun) throw error;
    logError("Invoke Error", error);
    response.break(error);
  }
  await response.done;
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

/** AWS's own client, if the package has it: the program that its package.json names. */
function official() {
  const folder = path.join(ROOT, "node_modules", "aws-lambda-ric");
  const file = path.join(folder, "package.json");
  if (!existsSync(file)) return undefined;
  const { bin } = JSON.parse(readFileSync(file, "utf8"));
  return path.join(folder, typeof bin === "string" ? bin : bin["aws-lambda-ric"]);
}

async function serve(handler) {
  const { headers, body } = await call("GET", "invocation/next");
  requestId = headers["lambda-runtime-aws-request-id"];
  answered = false;
  process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
  try {
    const [event, context] = [JSON.parse(body), contextOf(headers)];
    if (handler[STREAMING]) return await stream(handler, event, context);
    const result = stringify(await run(handler, event, context));
    answered = true;
    await call("POST", `invocation/${requestId}/response`, result);
  } catch (error) {
    await fail("Invoke Error", error);
  }
}

async function main() {
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
  for (;;) await serve(handler);
}

const program = official();
if (program === undefined) await main();
else {
  process.argv.splice(1, 1, program, process.env._HANDLER);
  await import(pathToFileURL(program).href);
}
