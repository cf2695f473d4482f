//! What each layer of the sandbox adds to the cold start of a hello in Python, and to a warm
//! invocation: `cargo run --release -p functions --example sandbox_cost`.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use functions::sandbox::{LayerKind, Network};
use functions::{
    Architecture, CodeRef, FunctionSpec, Invocation, LogSettings, Pool, PoolConfig, check_zip,
};

const COLD_STARTS: usize = 60;
const WARM_INVOCATIONS: usize = 1_000;
const CODE: &[u8] = b"def handler(event, context):\n    return 1\n";

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    use LayerKind::{Cgroups, Landlock, Namespaces, Seccomp};
    let spec = hello()?;
    let folder = std::env::temp_dir().join(format!("sandbox-cost-{}", std::process::id()));
    let cases: [(&str, &[LayerKind], Network); 7] = [
        ("none", &LayerKind::ALL, Network::Host),
        ("namespaces", &[Landlock, Seccomp, Cgroups], Network::Host),
        ("landlock", &[Namespaces, Seccomp, Cgroups], Network::Host),
        ("seccomp", &[Namespaces, Landlock, Cgroups], Network::Host),
        ("cgroups", &[Namespaces, Landlock, Seccomp], Network::Host),
        ("all", &[], Network::Host),
        ("all, and no network", &[], Network::None),
    ];
    let measured = tokio::runtime::Runtime::new()?.block_on(async {
        for (name, without, network) in cases {
            let mut config = PoolConfig::new(&folder);
            config.sandbox.without = without.to_vec();
            config.sandbox.network = network;
            let pool = Pool::new(config)?;
            let (cold, warm) = measure(&pool, &spec).await?;
            println!("{name:20} cold p50 {cold:?}, warm p50 {warm:?}");
            pool.shutdown().await;
        }
        Ok::<_, Failure>(())
    });
    std::fs::remove_dir_all(&folder)?;
    measured
}

async fn measure(pool: &Pool, spec: &Arc<FunctionSpec>) -> Result<(Duration, Duration), Failure> {
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for _ in 0..COLD_STARTS {
        pool.forget(&spec.arn);
        cold.push(time(pool, spec).await?);
    }
    for _ in 0..WARM_INVOCATIONS {
        warm.push(time(pool, spec).await?);
    }
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    Ok((median(cold), median(warm)))
}

async fn time(pool: &Pool, spec: &Arc<FunctionSpec>) -> Result<Duration, Failure> {
    let invocation = Invocation {
        request_id: "6f1a0c2e-0000-4000-8000-000000000000".into(),
        payload: "{}".into(),
        invoked_arn: spec.arn.clone(),
        client_context: None,
        trace_id: None,
        log_tail: false,
    };
    let began = Instant::now();
    let invoked = pool.invoke(spec, invocation).await?;
    let took = began.elapsed();
    if invoked.payload().as_ref() != b"1" {
        return Err(String::from_utf8_lossy(invoked.payload()).into());
    }
    Ok(took)
}

fn hello() -> Result<Arc<FunctionSpec>, Failure> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("f.py", zip::write::SimpleFileOptions::default())?;
    zip.write_all(CODE)?;
    let zip = bytes::Bytes::from(zip.finish()?.into_inner());
    let sha256 = check_zip(&zip)?.sha256;
    Ok(Arc::new(FunctionSpec {
        arn: "arn:aws:lambda:us-east-1:000000000000:function:hello".into(),
        name: "hello".into(),
        version: "$LATEST".into(),
        runtime: "python3.12".into(),
        handler: "f.handler".into(),
        code: CodeRef {
            sha256,
            load: Arc::new(move || Ok(zip.clone())),
        },
        layers: vec![],
        environment: vec![],
        timeout: Duration::from_secs(30),
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
