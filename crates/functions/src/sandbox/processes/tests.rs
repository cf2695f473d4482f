use std::process::{Command, Stdio};

use super::*;

#[test]
fn names_may_hold_anything() {
    let cases = [
        ("1 (init) S 0 1 1", Some((0, false))),
        ("7 (a) Z 1 (b) R) S 3 1 1", Some((3, false))),
        ("7 (gone) Z 3 1 1", Some((3, true))),
        ("7 (cut", None),
    ];
    for (text, expected) in cases {
        let found = parse(text).map(|stat| (stat.parent, stat.is_zombie));
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn children_of_children_are_found() {
    let mut shell = Command::new("sh")
        .args(["-c", "sh -c 'sleep 60; true' & echo ready; wait"])
        .stdout(Stdio::piped())
        .process_group_of_its_own()
        .spawn()
        .unwrap();
    let mut found = Vec::new();
    for _ in 0..500 {
        found = descendants(shell.id());
        if found.len() == 3 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[0], shell.id());
    assert!(status_kb(found[0], "VmRSS").unwrap() > 0);
    assert_eq!(status_kb(found[0], "Nothing"), None);
    let group = nix::unistd::Pid::from_raw(i32::try_from(shell.id()).unwrap());
    nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL).unwrap();
    shell.wait().unwrap();
}

trait OwnGroup {
    fn process_group_of_its_own(&mut self) -> &mut Self;
}

impl OwnGroup for Command {
    fn process_group_of_its_own(&mut self) -> &mut Self {
        std::os::unix::process::CommandExt::process_group(self, 0)
    }
}
