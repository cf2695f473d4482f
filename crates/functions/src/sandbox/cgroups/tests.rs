use super::*;

const ONE: &str = "\
9:name=systemd:/
8:pids:/
4:memory:/server/a
3:cpu,cpuacct:/x
0::/
";
const TWO: &str = "0::/user.slice/server.service\n";
const MOUNTS: &str = "\
25 1 0:22 / /proc rw,relatime - proc proc rw
30 29 0:26 / /sys/fs/cgroup/memory rw,relatime shared:1 - cgroup cgroup rw,memory
31 29 0:27 /inner /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct
32 29 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate
";

#[test]
fn the_groups_of_a_process_are_found() {
    let cases = [
        (ONE, "memory", Some("/sys/fs/cgroup/memory/server/a")),
        (ONE, "pids", None),
        // A mount that shows another part of the hierarchy.
        (ONE, "cpu", None),
        (ONE, "", Some("/sys/fs/cgroup")),
        (TWO, "", Some("/sys/fs/cgroup/user.slice/server.service")),
        (TWO, "memory", None),
    ];
    for (own, controller, expected) in cases {
        let found = hierarchy(own, MOUNTS, controller);
        assert_eq!(found.as_deref(), expected.map(Path::new), "{controller}");
    }
}

#[test]
fn a_group_bounds_and_goes() {
    let opened = Cgroups::open();
    let Ok(groups) = opened else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{opened:?}");
        eprintln!(
            "this host grants no control groups: {}",
            opened.unwrap_err()
        );
        return;
    };
    let mut group = groups.make(1, 128, 512).unwrap();
    assert!(!group.has_run_out_of_memory());
    assert_eq!(group.memory_bytes(), Some(0));
    let mut sleep = process::Command::new("sleep").arg("60").spawn().unwrap();
    for door in group.doors() {
        fs::write(door, sleep.id().to_string()).unwrap();
    }
    assert!(!group.remove(), "a process is in it");
    sleep.kill().unwrap();
    sleep.wait().unwrap();
    assert!(group.remove());
    let folders = groups.folders.clone();
    drop(groups);
    assert!(!folders.iter().any(|folder| folder.exists()));
}
