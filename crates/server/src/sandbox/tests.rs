use super::*;

/// Settings, mode, what is demanded or a part of the refusal.
fn check(change: impl FnOnce(&mut Config), mode: Mode, expected: Result<&[LayerKind], &str>) {
    let mut config = Config::default();
    change(&mut config);
    let found = super::check(&config).and_then(|()| policy(&config, mode));
    match (found, expected) {
        (Ok(policy), Ok(expected)) => assert_eq!(policy.demanded, expected),
        (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
        (found, expected) => panic!("{found:?}, not {expected:?}"),
    }
}

#[test]
fn layers_are_demanded_by_mode_and_by_setting() {
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    check(|_| {}, Mode::Serve, Ok(&DEMANDED));
    check(|_| {}, Mode::Dev, Ok(&[]));
    check(|c| c.allow_unsandboxed = true, Mode::Serve, Ok(&[]));
    check(|c| c.function_sandbox = names(&[]), Mode::Serve, Ok(&[]));
    let cgroups = names(&["cgroups", "landlock"]);
    let both = [LayerKind::Cgroups, LayerKind::Landlock];
    check(|c| c.function_sandbox = cgroups, Mode::Dev, Ok(&both));
    let unknown = names(&["selinux"]);
    let text = "`selinux`: the layers of the sandbox are namespaces, landlock, seccomp, cgroups";
    check(|c| c.function_sandbox = unknown, Mode::Dev, Err(text));
    let text = "`function_network` is `vpc`";
    check(|c| c.function_network = "vpc".into(), Mode::Dev, Err(text));
}

#[test]
fn the_layers_of_this_machine_are_told_with_what_is_demanded() {
    let config = Config {
        function_sandbox: Some(vec!["landlock".to_owned()]),
        ..Config::default()
    };
    let layers = layers(&config).unwrap();
    let told: Vec<_> = layers
        .iter()
        .map(|(layer, demanded)| (layer.kind, *demanded))
        .collect();
    let expected = LayerKind::ALL.map(|kind| (kind, kind == LayerKind::Landlock));
    assert_eq!(told, expected);
}
