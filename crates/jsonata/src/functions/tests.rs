use super::*;

#[test]
fn the_table_is_sound() {
    assert_eq!(TABLE.len(), Builtin::COUNT);
    for (at, entry) in TABLE.iter().enumerate() {
        assert_eq!(
            Builtin::find(entry.name),
            Some(Builtin(at)),
            "{}",
            entry.name
        );
        let signature = Signature::parse(entry.signature).unwrap();
        assert_eq!(Builtin(at).signature(), &signature, "{}", entry.name);
        // What the reference declares is what the signature takes, but for a few of them.
        let declared = signature.parameters.len();
        let is_known = matches!(entry.name, "string" | "zip" | "random");
        assert!(entry.arity == declared || is_known, "{}", entry.name);
    }
}

#[test]
fn aws_has_no_eval() {
    assert_eq!(Builtin::find("eval"), None);
}
