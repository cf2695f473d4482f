//! Runtimes of every kind: programs that packages bring, layers, wrappers, AWS's own clients.

use super::*;

/// A zip of files with modes.
fn package(files: &[(&str, u32, &str)]) -> CodeRef {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, mode, text) in files {
        let options = zip::write::SimpleFileOptions::default().unix_permissions(*mode);
        zip.start_file(*name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    let zip = Bytes::from(zip.finish().unwrap().into_inner());
    CodeRef {
        sha256: check_zip(&zip).unwrap().sha256,
        load: Arc::new(move || Ok(zip.clone())),
    }
}

/// A runtime written in shell: every call is a connection of its own.
const SHELL: &str = r#"#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  event=$(curl -sS -A shell -D "$TMPDIR/headers" "$api/invocation/next") || exit 1
  id=$(sed -n 's/^lambda-runtime-aws-request-id: //p' "$TMPDIR/headers" | tr -d '\r')
  deadline=$(sed -n 's/^lambda-runtime-deadline-ms: //p' "$TMPDIR/headers" | tr -d '\r')
  echo "event $event"
  case "$event" in
    '"fail"') curl -sS -d '{"errorType":"Mine","errorMessage":"x"}' "$api/invocation/$id/error" ;;
    '"exit"') exit 5 ;;
    '"plain"') curl -sS -d 'not json' "$api/invocation/$id/response" ;;
    '"chunks"') printf '"in chunks"' | curl -sS -H 'Transfer-Encoding: chunked' \
        -T - -X POST "$api/invocation/$id/response" ;;
    '"twice"') for answer in 1 2; do
        curl -sS -d "$answer" "$api/invocation/$id/response"; done ;;
    *) curl -sS -d "[\"$_HANDLER\", ${#deadline}, \"$AWS_EXECUTION_ENV\"]" \
        "$api/invocation/$id/response" ;;
  esac
done
"#;

fn provided(code: CodeRef, layers: Vec<CodeRef>) -> Arc<FunctionSpec> {
    let mut spec = spec_of(&[], "my.handler");
    spec.runtime = "provided.al2023".into();
    spec.code = code;
    spec.layers = layers;
    Arc::new(spec)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_of_the_package_or_of_a_layer_is_a_runtime() {
    let fixture = Fixture::new();
    let handler = r#"["my.handler", 13, ""]"#;
    let cases: [(&str, Result<&str, &str>); 6] = [
        ("{}", Ok(handler)),
        (r#""plain""#, Ok("not json")),
        (r#""chunks""#, Ok("\"in chunks\"")),
        (r#""twice""#, Ok("1")),
        (
            r#""fail""#,
            Err(r#"{"errorType":"Mine","errorMessage":"x"}"#),
        ),
        (
            r#""exit""#,
            Err(
                r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: Runtime exited with error: exit status 5"}"#,
            ),
        ),
    ];
    let empty = || package(&[("other", 0o644, "")]);
    let shell = || package(&[("bootstrap", 0o755, SHELL)]);
    for (code, layers) in [(shell(), vec![]), (empty(), vec![shell()])] {
        let spec = provided(code, layers);
        for (event, expected) in cases {
            let invoked = fixture.call(&spec, event).await;
            let log = String::from_utf8_lossy(invoked.log_tail()).into_owned();
            assert!(log.contains(&format!("event {event}\n")), "{log}");
            let found = match &invoked {
                Invoked::Ok { payload, .. } => Ok(String::from_utf8_lossy(payload)),
                Invoked::FunctionError { payload, .. } => Err(String::from_utf8_lossy(payload)),
            };
            let found = found.as_deref().map_err(AsRef::as_ref);
            assert_eq!(found, expected, "{event}");
        }
        fixture.pool.forget(&spec.arn);
    }
    fixture.pool.shutdown().await;
}

/// The package's `bootstrap`, its mode, and AWS's text.
#[tokio::test(flavor = "multi_thread")]
async fn a_package_without_a_program_to_start_says_so() {
    let missing = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]";
    let cases = [
        ("other", 0o755, SHELL, missing),
        ("bootstrap/file", 0o755, SHELL, missing),
        (
            "bootstrap",
            0o644,
            SHELL,
            "fork/exec /var/task/bootstrap: permission denied",
        ),
        (
            "bootstrap",
            0o755,
            "#!/no/such/program\n",
            "fork/exec /var/task/bootstrap: no such file or directory",
        ),
        (
            "bootstrap",
            0o755,
            "\x7fELF of another machine",
            "fork/exec /var/task/bootstrap: exec format error",
        ),
    ];
    let (fixture, lines) = Fixture::logged();
    for (name, mode, text, message) in cases {
        let spec = provided(package(&[(name, mode, text)]), vec![]);
        let invoked = fixture.call(&spec, "{}").await;
        let message = format!("RequestId: r-1 Error: {message}");
        let expected =
            format!(r#"{{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"{message}"}}"#);
        assert_eq!(failed(&invoked), expected);
        let log = String::from_utf8_lossy(invoked.log_tail()).into_owned();
        assert!(
            log.contains(&format!("{message}\nRuntime.InvalidEntrypoint\n")),
            "{log}"
        );
        assert!(
            log.ends_with("Error Type: Runtime.InvalidEntrypoint\n"),
            "{log}"
        );
        let text = lines
            .lock()
            .drain(..)
            .map(|(_, line)| line)
            .collect::<String>();
        assert!(
            text.starts_with("INIT_START Runtime Version: provided:al2023\t"),
            "{text}"
        );
        for phase in ["init", "invoke"] {
            let part = format!("Phase: {phase}\tStatus: error\tError Type: Runtime.Invalid");
            assert!(text.contains(&part), "{text}");
        }
    }
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_layers_the_last_one_wins() {
    let fixture = Fixture::new();
    let layer = |value: &str| {
        package(&[
            ("python/shared.py", 0o644, &format!("value = '{value}'\n")),
            (&format!("only/{value}"), 0o644, value),
        ])
    };
    let code = "import glob, os, shared, sys\ndef handler(event, context):\n    \
                opt = [p for p in sys.path if p.endswith('/python')][0][:-7]\n    \
                return [shared.value, sorted(map(os.path.basename, glob.glob(opt + '/only/*')))]\n";
    let cases = [
        (vec!["a"], json!(["a", ["a"]])),
        (vec!["a", "b"], json!(["b", ["a", "b"]])),
        (vec!["b", "a"], json!(["a", ["a", "b"]])),
    ];
    for (layers, expected) in cases {
        let mut spec = spec_of(&[("f.py", code)], "f.handler");
        spec.layers = layers.into_iter().map(layer).collect();
        assert_eq!(ok(&fixture.call(&Arc::new(spec), "{}").await), expected);
    }
    // An extension is named in the log.
    let (logged, lines) = Fixture::logged();
    let mut spec = spec_of(&[("f.py", "def handler(e, c): pass\n")], "f.handler");
    spec.layers = vec![package(&[("extensions/agent", 0o755, SHELL)])];
    logged.call(&Arc::new(spec), "{}").await;
    let line = "EXTENSION\tName: agent\tState: NotStarted\t";
    assert!(
        lines
            .lock()
            .iter()
            .any(|(_, event)| event.starts_with(line))
    );
    logged.pool.shutdown().await;
    // What a package brings goes before all layers.
    let own = [("f.py", code), ("shared.py", "value = 'own'\n")];
    let mut spec = spec_of(&own, "f.handler");
    spec.layers = vec![layer("a")];
    assert_eq!(ok(&fixture.call(&Arc::new(spec), "{}").await)[0], "own");
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrapper_starts_the_runtime() {
    let fixture = Fixture::new();
    let script = "#!/bin/sh\nexport WRAPPED=\"$#\"\nexec \"$@\"\n";
    let code = "import os\ndef handler(event, context): return os.environ['WRAPPED'] > '0'\n";
    let exit = |status| {
        let text = format!("Runtime exited with error: exit status {status}");
        Err(exit_error(&text))
    };
    let cases = [
        ("/opt/bin/wrapper", Ok(json!(true))),
        ("/opt/missing", exit(127)),
        ("/opt/plain", exit(126)),
    ];
    for (wrapper, expected) in cases {
        let mut spec = spec_of(&[("f.py", code)], "f.handler");
        spec.layers = vec![package(&[
            ("bin/wrapper", 0o755, script),
            ("plain", 0o644, script),
        ])];
        spec.environment = vec![("AWS_LAMBDA_EXEC_WRAPPER".into(), wrapper.into())];
        let invoked = fixture.call(&Arc::new(spec), "{}").await;
        let found = match &invoked {
            Invoked::Ok { .. } => Ok(ok(&invoked)),
            Invoked::FunctionError { .. } => Err(failed(&invoked)),
        };
        assert_eq!(found, expected, "{wrapper}");
    }
    fixture.pool.shutdown().await;
}

/// Stand-ins for AWS's clients, which say by whom they were started and how.
#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_brings_the_official_client_is_run_by_it() {
    let python = "import json, os, sys, urllib.request\n\
        api = 'http://' + os.environ['AWS_LAMBDA_RUNTIME_API'] + '/2018-06-01/runtime/invocation/'\n\
        while True:\n    \
            event = urllib.request.urlopen(api + 'next')\n    \
            path = api + event.headers['Lambda-Runtime-Aws-Request-Id'] + '/response'\n    \
            answer = json.dumps(['official', sys.argv[1:], __name__]).encode()\n    \
            urllib.request.urlopen(path, answer).read()\n";
    let node = "import http from 'node:http';\n\
        const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');\n\
        const call = (method, name, body) => new Promise((resolve) => {\n\
          const path = '/2018-06-01/runtime/invocation/' + name;\n\
          http.request({ host, port, method, path }, (response) => {\n\
            response.resume().on('end', () => resolve(response.headers));\n\
          }).end(body);\n\
        });\n\
        for (;;) {\n\
          const id = (await call('GET', 'next'))['lambda-runtime-aws-request-id'];\n\
          const answer = JSON.stringify(['official', process.argv.slice(2), import.meta.url.slice(-9)]);\n\
          await call('POST', id + '/response', answer);\n\
        }\n";
    let ric = "node_modules/aws-lambda-ric/";
    let manifest = r#"{"type": "module", "bin": {"aws-lambda-ric": "bin/index.mjs"}}"#;
    let cases = [
        (
            "python3.12",
            package(&[
                ("awslambdaric/__init__.py", 0o644, ""),
                ("awslambdaric/__main__.py", 0o644, python),
            ]),
            json!(["official", ["my.handler"], "__main__"]),
        ),
        (
            "nodejs22.x",
            package(&[
                (&format!("{ric}package.json"), 0o644, manifest),
                (&format!("{ric}bin/index.mjs"), 0o755, node),
            ]),
            json!(["official", ["my.handler"], "index.mjs"]),
        ),
    ];
    let fixture = Fixture::new();
    for (runtime, code, expected) in cases {
        if runtime.starts_with("node") && !has_node() {
            continue;
        }
        let mut spec = spec_of(&[], "my.handler");
        (spec.runtime, spec.code) = (runtime.into(), code);
        let invoked = fixture.call(&Arc::new(spec), "{}").await;
        assert_eq!(ok(&invoked), expected, "{runtime}");
    }
    fixture.pool.shutdown().await;
}

/// Of the packages of this host a function sees AWS's SDK only.
#[tokio::test(flavor = "multi_thread")]
async fn packages_of_this_host_stay_out_but_the_sdk() {
    let fixture = Fixture::new();
    let found = Interpreters::default().find("python3.12").unwrap();
    let has_boto3 = found
        .packages
        .iter()
        .any(|folder| folder.join("boto3").is_dir());
    let code = "
import importlib.util, sys
def handler(names, context):
    exit, quit
    return [importlib.util.find_spec(name) is not None for name in names]
";
    let spec = python(code);
    let seen = ok(&fixture
        .call(&spec, r#"["boto3", "pip", "setuptools", "f", "csv"]"#)
        .await);
    assert_eq!(seen, json!([has_boto3, false, false, true, true]));
    if has_boto3 {
        let code = "import boto3\ndef handler(event, context):\n    \
                    return boto3.client('sts', region_name='eu-west-1').meta.region_name\n";
        assert_eq!(ok(&fixture.call(&python(code), "{}").await), "eu-west-1");
    } else {
        eprintln!("skipped: no boto3 on this host");
    }
    // The SDK of a package goes before that of the host.
    let own = [
        (
            "f.py",
            "import boto3\ndef handler(e, c): return boto3.mine\n",
        ),
        ("boto3.py", "mine = 1\n"),
    ];
    let spec = Arc::new(spec_of(&own, "f.handler"));
    assert_eq!(ok(&fixture.call(&spec, "{}").await), 1);
    fixture.pool.shutdown().await;
}

/// Files, handler, expected result.
type NodeCase<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

#[tokio::test(flavor = "multi_thread")]
async fn node_modules_of_every_kind_are_loaded() {
    if !has_node() {
        return;
    }
    let common =
        "exports.handler = async () => 'common'; exports.a = { b: { c: async () => 'deep' } }";
    let module = "export const handler = async () => 'module ' + typeof require";
    let cases: [NodeCase<'_>; 9] = [
        (&[("index.js", common)], "index.handler", "common"),
        (&[("index.js", common)], "index.a.b.c", "deep"),
        (&[("src/index.js", common)], "src/index.handler", "common"),
        (&[("index.cjs", common)], "index.handler", "common"),
        (
            &[("index.mjs", module)],
            "index.handler",
            "module undefined",
        ),
        (&[("index", common)], "index.handler", "common"),
        (
            &[
                ("index.js", module),
                ("package.json", r#"{"type":"module"}"#),
            ],
            "index.handler",
            "module undefined",
        ),
        (
            &[
                ("src/index.js", common),
                ("src/package.json", "{}"),
                ("package.json", r#"{"type":"module"}"#),
            ],
            "src/index.handler",
            "common",
        ),
        (
            &[("node_modules/dep/index.js", common)],
            "dep.handler",
            "common",
        ),
    ];
    let fixture = Fixture::new();
    for (files, handler, expected) in cases {
        let mut spec = spec_of(files, handler);
        spec.runtime = "nodejs22.x".into();
        let invoked = fixture.call(&Arc::new(spec), "{}").await;
        assert_eq!(ok(&invoked), expected, "{handler} {files:?}");
    }
    fixture.pool.shutdown().await;
}

/// Runtime, module, expected result or error type.
#[tokio::test(flavor = "multi_thread")]
async fn node_handlers_may_stream_and_call_back_as_their_runtime_allows() {
    if !has_node() {
        return;
    }
    let callback = "exports.handler = (event, context, callback) => callback(null, 1)";
    let stream = |body: &str| {
        format!("exports.handler = awslambda.streamifyResponse(async (event, out) => {{ {body} }})")
    };
    let http = "out = awslambda.HttpResponseStream.from(out, { statusCode: 200 }); out.write('x')";
    let cases = [
        ("nodejs22.x", callback.to_owned(), Ok("1")),
        (
            "nodejs24.x",
            callback.to_owned(),
            Err("Runtime.CallbackHandlerDeprecated"),
        ),
        (
            "nodejs24.x",
            stream("out.write('a'); out.end('b')"),
            Ok("ab"),
        ),
        (
            "nodejs22.x",
            stream("out.write('left open')"),
            Ok("left open"),
        ),
        ("nodejs22.x", stream(""), Ok("")),
        (
            "nodejs22.x",
            stream(http),
            Ok("{\"statusCode\":200}\0\0\0\0\0\0\0\0x"),
        ),
        (
            "nodejs22.x",
            stream("throw new RangeError('x')"),
            Err("RangeError"),
        ),
        (
            "nodejs22.x",
            stream("out.write('a'); await 0; throw new RangeError('x')"),
            Err("RangeError"),
        ),
    ];
    let fixture = Fixture::new();
    for (runtime, code, expected) in cases {
        let mut spec = spec_of(&[("index.js", &code)], "index.handler");
        spec.runtime = runtime.into();
        let spec = Arc::new(spec);
        for _ in 0..2 {
            let invoked = fixture.call(&spec, "{}").await;
            let found = match &invoked {
                Invoked::Ok { payload, .. } => Ok(String::from_utf8_lossy(payload).into_owned()),
                Invoked::FunctionError { payload, .. } => {
                    let body: Value = serde_json::from_slice(payload).unwrap();
                    Err(body["errorType"].as_str().unwrap().to_owned())
                }
            };
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{code}");
        }
    }
    fixture.pool.shutdown().await;
}

#[tokio::test]
async fn an_interpreter_is_looked_for_before_the_first_invocation() {
    let fixture = Fixture::new();
    let known = || {
        let interpreters = &fixture.pool.inner.interpreters;
        interpreters.known("python3.12").unwrap().is_some()
    };
    assert!(!known());
    fixture.pool.expect_runtime("no-such-runtime");
    fixture.pool.expect_runtime("python3.12");
    eventually("the interpreter is known", known).await;
    fixture.pool.shutdown().await;
}
