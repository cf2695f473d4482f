//! How long a cold start and a warm invocation of a hello take here, by runtime:
//! `cargo run --release -p functions --example latency`.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use functions::{
    Architecture, CodeRef, FunctionSpec, Invocation, LogSettings, Pool, PoolConfig, check_zip,
};

const COLD_STARTS: usize = 20;
const WARM_INVOCATIONS: usize = 2_000;

const PYTHON: &str = "def handler(event, context):\n    return 'Hello ' + event['name']\n";
const NODE: &str = "exports.handler = async (event) => 'Hello ' + event.name;\n";

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("latency-{}", std::process::id()));
    let measured = tokio::runtime::Runtime::new()?.block_on(async {
        let pool = Pool::new(PoolConfig::new(&folder))?;
        for (runtime, file, code) in [("python3.12", "f.py", PYTHON), ("nodejs22.x", "f.js", NODE)]
        {
            measure(&pool, &hello(runtime, file, code)?).await?;
        }
        pool.shutdown().await;
        Ok::<_, Failure>(())
    });
    std::fs::remove_dir_all(&folder)?;
    measured
}

async fn measure(pool: &Pool, spec: &Arc<FunctionSpec>) -> Result<(), Failure> {
    let mut cold = Vec::new();
    for _ in 0..COLD_STARTS {
        cold.push(time(pool, spec).await?);
        pool.forget(&spec.arn);
    }
    time(pool, spec).await?;
    let mut warm = Vec::new();
    for _ in 0..WARM_INVOCATIONS {
        warm.push(time(pool, spec).await?);
    }
    for (what, mut times) in [("cold", cold), ("warm", warm)] {
        times.sort();
        let at = |share: usize| times.get(times.len() * share / 100).copied();
        println!(
            "{} {what}: p50 {:?}, p99 {:?}, least {:?}",
            spec.runtime,
            at(50).unwrap_or_default(),
            at(99).unwrap_or_default(),
            at(0).unwrap_or_default(),
        );
    }
    Ok(())
}

async fn time(pool: &Pool, spec: &Arc<FunctionSpec>) -> Result<Duration, Failure> {
    let invocation = Invocation {
        request_id: "6f1a0c2e-0000-4000-8000-000000000000".into(),
        payload: r#"{"name": "world"}"#.into(),
        invoked_arn: spec.arn.clone(),
        client_context: None,
        trace_id: None,
        log_tail: false,
    };
    let began = Instant::now();
    let invoked = pool.invoke(spec, invocation).await?;
    let took = began.elapsed();
    if invoked.payload().as_ref() != br#""Hello world""# {
        return Err(String::from_utf8_lossy(invoked.payload()).into());
    }
    Ok(took)
}

fn hello(runtime: &str, file: &str, code: &str) -> Result<Arc<FunctionSpec>, Failure> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file(file, zip::write::SimpleFileOptions::default())?;
    zip.write_all(code.as_bytes())?;
    let zip = bytes::Bytes::from(zip.finish()?.into_inner());
    Ok(Arc::new(FunctionSpec {
        arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{runtime}"),
        name: "hello".into(),
        version: "$LATEST".into(),
        runtime: runtime.into(),
        handler: "f.handler".into(),
        code: CodeRef {
            sha256: check_zip(&zip)?.sha256,
            load: Arc::new(move || Ok(zip.clone())),
        },
        layers: vec![],
        environment: vec![],
        timeout: Duration::from_secs(3),
        memory_mb: 128,
        ephemeral_storage_mb: 512,
        architecture: Architecture::X86_64,
        logging: LogSettings::default(),
        wants_trace: false,
        reserved_concurrency: None,
        region: "us-east-1".into(),
        account: "000000000000".into(),
        role: String::new(),
        extra_env: Arc::new(Vec::new),
    }))
}
