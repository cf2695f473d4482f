//! Functions that try to get out. Each attempt names the layers that stop it: any one of them is
//! enough, and with none of them it is not made, so that the same attempts are made on hosts and in
//! modes that lack a layer.

use super::*;
use crate::sandbox::State;
use LayerKind::{Cgroups, Landlock, Namespaces, Seccomp};

/// Runs Python that is in the event, and gives back `result`, or the name of what was raised.
const TRY: &str = "
import ctypes, errno, os, resource, signal, socket, stat, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(number, *arguments)
    return errno.errorcode[ctypes.get_errno()] if result == -1 else 'done'
def status(*names):
    lines = open('/proc/self/status').read().splitlines()
    return str({line.split()[1] for line in lines if line.split(':')[0] in names})
def write(path):
    with open(path, 'w') as file: file.write('x')
    return 'written'
def get(address, path):
    host, port = address.split(':')
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.settimeout(5)
        connection.sendall(f'GET {path} HTTP/1.1\\r\\nHost: {address}\\r\\n\\r\\n'.encode())
        return connection.recv(12).decode()
def handler(event, context):
    names = {**globals(), **event.get('names', {})}
    try:
        exec(event['code'], names)
        return names.get('result')
    except BaseException as error:
        return type(error).__name__
";

/// A pool without some layers, and which it has.
fn without(layers: &[LayerKind]) -> (Fixture, Vec<LayerKind>) {
    let fixture = Fixture::with(|config| config.sandbox.without = layers.to_vec());
    let active: Vec<LayerKind> = fixture
        .pool
        .sandbox()
        .iter()
        .filter(|layer| layer.state == State::Active)
        .map(|layer| layer.kind)
        .collect();
    // Where tests have to mean something, what any Linux grants has to be there.
    if std::env::var("CI").as_deref() == Ok("true") {
        for kind in [Namespaces, Landlock, Seccomp] {
            let is_there = active.contains(&kind) || layers.contains(&kind);
            assert!(is_there, "{:?}", fixture.pool.sandbox());
        }
    }
    (fixture, active)
}

async fn try_out(fixture: &Fixture, spec: &Arc<FunctionSpec>, code: &str, names: &Value) -> Value {
    let event = json!({ "code": code, "names": names }).to_string();
    ok(&fixture.call(spec, &event).await)
}

/// What stops it, the attempt, one of the outcomes that are right.
type Attempt = (&'static [LayerKind], &'static str, &'static [&'static str]);

const DENIED: &[&str] = &["PermissionError", "FileNotFoundError"];
const READ_ONLY: &[&str] = &["PermissionError", "OSError", "FileNotFoundError"];
const REFUSED: &[&str] = &["EPERM"];

const FILES: &[Attempt] = &[
    (
        &[Namespaces, Landlock],
        "result = open('/etc/shadow').read()",
        DENIED,
    ),
    (
        &[Namespaces, Landlock],
        "result = open(secret).read()",
        DENIED,
    ),
    (&[Namespaces, Landlock], "result = os.listdir(data)", DENIED),
    (
        &[Namespaces, Landlock],
        "result = os.listdir('/home')",
        DENIED,
    ),
    (
        &[Namespaces, Landlock],
        "result = os.listdir('/var/lib')",
        DENIED,
    ),
    (
        &[Namespaces, Landlock],
        "result = os.listdir('/sys')",
        DENIED,
    ),
    (
        &[Namespaces, Landlock],
        "result = write(data + '/x')",
        DENIED,
    ),
    (
        &[Namespaces, Landlock],
        "result = write('/etc/x')",
        READ_ONLY,
    ),
    (
        &[Namespaces, Landlock],
        "result = write('/usr/x')",
        READ_ONLY,
    ),
    (&[Namespaces, Landlock], "result = write('/x')", READ_ONLY),
    (
        &[Namespaces, Landlock],
        "result = write('/opt/x')",
        READ_ONLY,
    ),
    (
        &[Namespaces, Landlock],
        "result = write(os.getcwd() + '/x')",
        READ_ONLY,
    ),
    (
        &[Namespaces, Landlock],
        "result = write(os.getcwd() + '/f.py')",
        READ_ONLY,
    ),
    (
        &[Namespaces, Landlock],
        "os.unlink(os.getcwd() + '/f.py')",
        READ_ONLY,
    ),
    (
        &[Namespaces, Landlock],
        "os.chmod(os.getcwd() + '/f.py', 0o666); result = write('f.py')",
        READ_ONLY,
    ),
    (
        &[Namespaces, Landlock],
        "result = write('/proc/sys/kernel/core_pattern')",
        READ_ONLY,
    ),
    (
        &[Namespaces, Landlock],
        "result = write('/proc/sys/kernel/hostname')",
        READ_ONLY,
    ),
    (
        &[Namespaces, Landlock],
        "result = open('/dev/mem').read(1)",
        DENIED,
    ),
    (
        &[Namespaces, Landlock],
        "result = os.mknod(os.environ['TMPDIR'] + '/d', stat.S_IFBLK | 0o600, os.makedev(8, 0))",
        &["PermissionError"],
    ),
    (
        &[Namespaces, Landlock],
        "os.link('/etc/passwd', os.environ['TMPDIR'] + '/p'); result = write(os.environ['TMPDIR'] + '/p')",
        READ_ONLY,
    ),
    // What has to work.
    (
        &[],
        "result = write(os.environ['TMPDIR'] + '/x')",
        &["written"],
    ),
    (&[], "result = write('/dev/null')", &["written"]),
    (
        &[],
        "import ssl; result = 'fine' if ssl.create_default_context() else ''",
        &["fine"],
    ),
    (
        &[],
        "result = socket.gethostbyname('localhost')",
        &["127.0.0.1"],
    ),
    (
        &[],
        "result = subprocess.run(['sh', '-c', 'echo $((1 + 1))'], capture_output=True, text=True).stdout.strip()",
        &["2"],
    ),
    (
        &[],
        "import threading; t = threading.Thread(target=lambda: None); t.start(); t.join(); result = 'joined'",
        &["joined"],
    ),
    (
        &[],
        "import multiprocessing as m; p = m.Process(target=int); p.start(); p.join(); result = str(p.exitcode)",
        &["0"],
    ),
    (
        &[Namespaces],
        "import pwd; result = pwd.getpwuid(os.getuid()).pw_name",
        &["sbx_user1051"],
    ),
];

const PROCESSES: &[Attempt] = &[
    (
        &[Namespaces],
        "result = str(sorted(int(p) for p in os.listdir('/proc') if p.isdigit()))",
        &["[1, 2]"],
    ),
    (
        &[Namespaces, Landlock],
        "result = open(f'/proc/{os.getppid()}/environ').read()",
        DENIED,
    ),
    (
        &[Namespaces, Landlock],
        "result = open(f'/proc/{os.getppid()}/mem', 'rb').read(1)",
        DENIED,
    ),
    (
        &[Namespaces, Landlock],
        "result = open(f'/proc/{os.getppid()}/mem', 'r+b')",
        DENIED,
    ),
    (
        &[Namespaces, Landlock],
        "result = os.listdir(f'/proc/{os.getppid()}/root')",
        DENIED,
    ),
    (
        &[Namespaces, Landlock],
        "result = os.readlink(f'/proc/{os.getppid()}/fd/0')",
        DENIED,
    ),
    (
        &[Namespaces],
        "os.kill(1, 9); time.sleep(0.05); result = 'alive'",
        &["alive", "PermissionError"],
    ),
    (&[Namespaces], "os.kill(server, 0)", &["ProcessLookupError"]),
    (
        &[Namespaces],
        "result = open(f'/proc/{server}/environ')",
        DENIED,
    ),
    (
        &[Namespaces],
        "result = str(os.getuid() == 993 and os.getgid() == 990)",
        &["True"],
    ),
    (
        &[],
        "os.setuid(0) if os.getuid() else os.setuid(1)",
        &["PermissionError", "OSError"],
    ),
    (
        &[],
        "result = str(len(os.listdir('/proc/self/fd')))",
        &["5"],
    ),
    (
        &[],
        "result = status('CapInh', 'CapPrm', 'CapEff', 'CapAmb')",
        &["{'0000000000000000'}"],
    ),
    (
        &[Namespaces],
        "result = status('CapBnd')",
        &["{'0000000000000000'}"],
    ),
    (&[], "result = status('NoNewPrivs')", &["{'1'}"]),
    (&[Seccomp], "result = status('Seccomp')", &["{'2'}"]),
    (
        &[],
        "result = str(resource.getrlimit(resource.RLIMIT_NOFILE))",
        &["(1024, 1024)"],
    ),
    (
        &[],
        "result = str(resource.getrlimit(resource.RLIMIT_CORE))",
        &["(0, 0)"],
    ),
];

/// Numbers of calls; those beyond 400 are the same on every machine.
const CALLS: &[Attempt] = &[
    (&[Seccomp], "result = call(425, 8, 0)", REFUSED),
    (&[Seccomp], "result = call(428, -100, b'/', 1)", REFUSED),
    (&[Seccomp], "result = call(430, b'tmpfs', 0)", REFUSED),
    (&[Seccomp], "result = call(435, 0, 0)", &["ENOSYS"]),
    (&[Seccomp], "result = call(438, 0, 0, 0)", REFUSED),
    (&[Seccomp], "result = call(442, -1, b'', 0, 0, 0)", REFUSED),
    (
        &[Seccomp],
        "result = str(libc.ptrace(16, os.getppid(), 0, 0))",
        &["-1"],
    ),
    (
        &[Seccomp],
        "result = str(libc.unshare(0x10000000))",
        &["-1"],
    ),
    (
        &[Seccomp],
        "result = str(libc.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, 0))",
        &["-1"],
    ),
    (
        &[Seccomp],
        "result = str(libc.umount2(b'/proc', 2))",
        &["-1"],
    ),
    (&[Seccomp], "os.chroot('/tmp')", &["PermissionError"]),
    (
        &[Seccomp],
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        &["PermissionError"],
    ),
    (
        &[],
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
        &["PermissionError"],
    ),
    (&[], "result = str(libc.setns(0, 0))", &["-1"]),
    (&[], "result = str(libc.reboot(0))", &["-1"]),
    (&[], "result = str(libc.sethostname(b'x', 1))", &["-1"]),
];

/// Makes all attempts that one of the layers stops.
async fn attempt_all(missing: &[LayerKind]) {
    let (fixture, active) = without(missing);
    let secret = fixture.folder.path().join("secret");
    fs::write(&secret, "the server's").unwrap();
    let names = json!({
        "data": fixture.folder.path(),
        "secret": secret,
        "server": std::process::id(),
    });
    let spec = python(TRY);
    for (layers, code, expected) in [FILES, PROCESSES, CALLS].concat() {
        if !layers.is_empty() && !layers.iter().any(|layer| active.contains(layer)) {
            continue;
        }
        let outcome = try_out(&fixture, &spec, code, &names).await;
        let outcome = outcome.as_str().unwrap_or_default();
        assert!(
            expected.contains(&outcome),
            "without {missing:?}: `{code}` gave `{outcome}`, not one of {expected:?}"
        );
    }
    fixture.pool.shutdown().await;
    assert_eq!(fs::read_to_string(secret).unwrap(), "the server's");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_gets_out_of_the_whole_sandbox() {
    attempt_all(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_layer_holds_without_the_others() {
    for missing in [
        &[Landlock, Seccomp, Cgroups][..],
        &[Namespaces, Seccomp, Cgroups],
        &[Namespaces, Landlock, Cgroups],
        &[Namespaces, Landlock, Seccomp, Cgroups],
    ] {
        attempt_all(missing).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded_by_whoever_can() {
    for missing in [&[][..], &[Cgroups], &LayerKind::ALL] {
        let (fixture, _) = without(missing);
        let spec = python(TRY);
        let code = "all = []\nwhile True: all.append(os.urandom(1 << 20))";
        let event = json!({ "code": code }).to_string();
        for _ in 0..2 {
            let invoked = fixture.call(&spec, &event).await;
            let body = failed(&invoked);
            assert!(
                body.contains("Runtime exited with error: signal: killed"),
                "{body}"
            );
            assert!(invoked.report().out_of_memory, "without {missing:?}");
        }
        // A function that uses most of it is left alone.
        let code = "all = bytes(60 << 20); time.sleep(0.5); result = len(all)";
        let used = try_out(&fixture, &spec, code, &json!({})).await;
        assert_eq!(used, 60 << 20);
        fixture.pool.shutdown().await;
    }
}

/// What is in them is no process's memory, so that only a control group counts it.
#[tokio::test(flavor = "multi_thread")]
async fn there_are_files_in_memory_where_they_are_counted() {
    for missing in [&[][..], &[Cgroups]] {
        let (fixture, active) = without(missing);
        let code = "os.memfd_create('x'); result = 'made'";
        let outcome = try_out(&fixture, &python(TRY), code, &json!({})).await;
        let expected = match active.contains(&Cgroups) || !active.contains(&Seccomp) {
            true => "made",
            false => "PermissionError",
        };
        assert_eq!(outcome, expected, "without {missing:?}");
        fixture.pool.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_is_bounded() {
    let (fixture, active) = without(&[]);
    let mut spec = spec_of(&[("f.py", TRY)], "f.handler");
    spec.ephemeral_storage_mb = 16;
    let spec = Arc::new(spec);
    let code = "
result = 0
with open(os.environ['TMPDIR'] + '/big', 'wb', buffering=0) as file:
    try:
        for _ in range(64): result += file.write(bytes(1 << 20))
    except OSError as error: result = [result >> 20, errno.errorcode[error.errno]]
";
    let outcome = try_out(&fixture, &spec, code, &json!({})).await;
    let error = match active.contains(&Namespaces) {
        true => "ENOSPC",
        false => "EFBIG",
    };
    assert!(outcome[0].as_u64().unwrap() <= 16, "{outcome}");
    assert_eq!(outcome[1], error);
    // Full it may be, but the function goes on; and another environment has its own.
    let other = python(TRY);
    let mut other = FunctionSpec::clone(&other);
    other.arn.push('2');
    let found = "result = str(os.path.exists(os.environ['TMPDIR'] + '/big'))";
    let outcome = try_out(&fixture, &Arc::new(other), found, &json!({})).await;
    assert_eq!(outcome, "False");
    fixture.pool.shutdown().await;
}

/// The numbers of all processes that have `marker` among their arguments.
fn marked(marker: &str) -> Vec<u64> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter(|number| {
            let line = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
            let mut arguments = line.split(|byte| *byte == 0);
            arguments.any(|argument| argument == marker.as_bytes())
        })
        .collect()
}

/// A number of seconds that no other sleep on this host has.
fn marker(kind: u32) -> String {
    format!("600.{}{kind}", std::process::id())
}

/// Leaves `count` processes behind that belong to nobody.
const DAEMONS: &str = "
ran, held = os.pipe()
for _ in range(count):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.execvp('sleep', ['sleep', marker])
        os._exit(0)
    os.wait()
# The pipe is closed by exec: now all of them sleep.
os.close(held)
os.read(ran, 1)
result = 'left'
if waits: time.sleep(600)
";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_function_leaves_behind_ends_with_it() {
    for missing in [&[][..], &[Namespaces, Landlock, Cgroups]] {
        let (fixture, _) = without(missing);
        let mut spec = spec_of(&[("f.py", TRY)], "f.handler");
        spec.timeout = Duration::from_secs(3);
        let spec = Arc::new(spec);
        let marker = marker(u32::try_from(missing.len()).unwrap());
        let mut names = json!({ "count": 3, "marker": marker, "waits": false });
        assert_eq!(try_out(&fixture, &spec, DAEMONS, &names).await, "left");
        eventually("they run", || marked(&marker).len() == 3).await;
        fixture.pool.forget(&spec.arn);
        eventually("they are gone", || marked(&marker).is_empty()).await;

        names["waits"] = json!(true);
        let event = json!({ "code": DAEMONS, "names": names }).to_string();
        let invoked = fixture.call(&spec, &event).await;
        assert!(invoked.report().timed_out);
        eventually("they are gone again", || marked(&marker).is_empty()).await;
        fixture.pool.shutdown().await;
    }
}

/// Makes this test binary the server that will be killed; the value is the marker.
const SERVER: &str = "FUNCTIONS_TEST_ESCAPES_SERVER";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_function_leaves_behind_ends_with_a_killed_server() {
    let missing: [&[LayerKind]; 2] = [&[], &[Namespaces, Landlock, Cgroups]];
    if let Ok(marker) = std::env::var(SERVER) {
        let missing = missing[usize::from(marker.ends_with('9'))];
        let (fixture, _) = without(missing);
        let names = json!({ "count": 3, "marker": marker, "waits": true });
        try_out(&fixture, &python(TRY), DAEMONS, &names).await;
        return;
    }
    for kind in [8, 9] {
        let marker = marker(kind);
        let name = "pool::tests::escapes::what_a_function_leaves_behind_ends_with_a_killed_server";
        let mut server = std::process::Command::new("/proc/self/exe")
            .args(["--exact", name])
            .env(SERVER, &marker)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        eventually("they run", || marked(&marker).len() == 3).await;
        server.kill().unwrap();
        server.wait().unwrap();
        eventually("they are gone", || marked(&marker).is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_processes_is_stopped() {
    let (fixture, active) = without(&[]);
    let mut spec = spec_of(&[("f.py", TRY)], "f.handler");
    // It is not memory that shall stop it.
    spec.memory_mb = 3_008;
    spec.timeout = Duration::from_secs(120);
    let spec = Arc::new(spec);
    let code = "
made = 0
try:
    while made < 3000:
        os.posix_spawnp('sleep', ['sleep', marker], os.environ)
        made += 1
    result = 'no end'
except OSError as error:
    result = errno.errorcode[error.errno] if made <= 1024 else made
";
    let marker = marker(7);
    let names = json!({ "marker": marker });
    let event = json!({ "code": code, "names": names }).to_string();
    let invoked = fixture.call(&spec, &event).await;
    // Where only the watchdog counts, it kills.
    if active.contains(&Namespaces) || active.contains(&Cgroups) {
        assert_eq!(ok(&invoked), "EAGAIN");
    } else {
        failed(&invoked);
    }
    fixture.pool.forget(&spec.arn);
    eventually("they are gone", || marked(&marker).is_empty()).await;
    // The host has processes left for others.
    fixture
        .call(&python("def handler(e, c): return 1\n"), "{}")
        .await;
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runtime_api_of_another_environment_is_out_of_reach() {
    for missing in [&[][..], &LayerKind::ALL] {
        let (fixture, _) = without(missing);
        let address = "result = os.environ['AWS_LAMBDA_RUNTIME_API']";
        let victim = try_out(&fixture, &python(TRY), address, &json!({})).await;
        let mut thief = spec_of(&[("f.py", TRY)], "f.handler");
        thief.arn.push('2');
        let thief = Arc::new(thief);
        let names = json!({ "victim": victim, "next": "/2018-06-01/runtime/invocation/next" });
        let steal = "result = get(victim, next)";
        let outcome = try_out(&fixture, &thief, steal, &names).await;
        assert!(
            ["", "ConnectionResetError", "BrokenPipeError"]
                .map(Value::from)
                .contains(&outcome),
            "without {missing:?}: {outcome}"
        );
        // Its own is there for its children, too: asked out of turn, it says so.
        let own = "result = get(os.environ['AWS_LAMBDA_RUNTIME_API'], next)";
        let outcome = try_out(&fixture, &thief, own, &names).await;
        assert_eq!(outcome, "HTTP/1.1 403");
        // The victim is as well as before.
        assert_eq!(
            try_out(&fixture, &python(TRY), address, &json!({})).await,
            victim
        );
        fixture.pool.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_network_only_the_endpoint_is_there() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let endpoint = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = endpoint.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = endpoint.accept().await {
            let mut request = [0; 4];
            connection.read_exact(&mut request).await.unwrap();
            connection.write_all(b"HTTP/1.1 200").await.unwrap();
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let mut config = PoolConfig::new(folder.path());
    config.sandbox.network = crate::sandbox::Network::None;
    let pool = match Pool::new(config) {
        Ok(pool) => pool,
        Err(error) => {
            // It can't be had without namespaces, and is then refused.
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{error}");
            assert!(error.to_string().contains("`namespaces`"), "{error}");
            return;
        }
    };
    let fixture = Fixture { pool, folder };
    let mut spec = spec_of(&[("f.py", TRY)], "f.handler");
    let url = format!("http://{address}");
    spec.extra_env = Arc::new(move || vec![("AWS_ENDPOINT_URL".into(), url.clone())]);
    let spec = Arc::new(spec);
    let names = json!({ "other": other.local_addr().unwrap().to_string() });
    let own = "get(os.environ['AWS_ENDPOINT_URL'][7:], '/')";
    let cases = [
        (format!("result = {own}"), "HTTP/1.1 200"),
        (
            "result = get(other, '/')".to_owned(),
            "ConnectionRefusedError",
        ),
        ("result = get('192.0.2.1:80', '/')".to_owned(), "OSError"),
        (
            "result = os.environ['AWS_LAMBDA_RUNTIME_API']".to_owned(),
            "127.0.0.1:9001",
        ),
        (
            "result = str([n for _, n in socket.if_nameindex()])".to_owned(),
            "['lo']",
        ),
    ];
    for (code, expected) in cases {
        assert_eq!(
            try_out(&fixture, &spec, &code, &names).await,
            expected,
            "{code}"
        );
    }
    // A function may say which endpoint it means; that is no way out.
    let mut spec = spec_of(&[("f.py", TRY)], "f.handler");
    let url = format!("http://{}", other.local_addr().unwrap());
    spec.environment = vec![("AWS_ENDPOINT_URL".into(), url)];
    let spec = Arc::new(spec);
    let tried = try_out(&fixture, &spec, &format!("result = {own}"), &names).await;
    assert_eq!(tried, "ConnectionRefusedError");
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demanded_layer_that_is_missing_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for kind in LayerKind::ALL {
        let mut config = PoolConfig::new(folder.path());
        config.sandbox.without = vec![kind];
        config.sandbox.demanded = vec![kind];
        let error = Pool::new(config).err().unwrap().to_string();
        assert!(error.contains(&format!("`{}`", kind.name())), "{error}");
        assert!(error.contains(kind.remedy()), "{error}");
    }
}

/// Makes all of the above once more as a user without rights, when these tests are root's.
#[test]
fn an_ordinary_user_is_kept_out_of_everything_too() {
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let ran = std::process::Command::new("/proc/self/exe")
        .args(["pool::tests::escapes", "--test-threads=2"])
        // The system's own interpreter: that of whoever runs this may lie in root's home.
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("TMPDIR", folder.path())
        .env("HOME", folder.path())
        .current_dir(folder.path())
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(told.contains("0 failed"), "{told}");
}
