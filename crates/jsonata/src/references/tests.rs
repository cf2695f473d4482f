use crate::compile;

/// What an expression refers to, as words: `$name@position.member.member`, `input@position`,
/// `field@position`, `name()@position`.
#[track_caller]
fn check(source: &str, expected: &[&str]) {
    let expression = compile(source).unwrap();
    let references = expression.references();
    let mut words = Vec::new();
    for variable in &references.variables {
        let members: String = variable
            .members
            .iter()
            .map(|name| format!(".{name}"))
            .collect();
        words.push(format!("${}@{}{members}", variable.name, variable.position));
    }
    for position in &references.root_input {
        words.push(format!("input@{position}"));
    }
    for (name, position) in &references.root_fields {
        words.push(format!("{name}@{position}"));
    }
    for (name, position) in &references.functions {
        words.push(format!("{name}()@{position}"));
    }
    assert_eq!(words, expected, "{source}");
}

#[test]
fn free_variables_and_their_members() {
    check("1 + 2", &[]);
    check("$x", &["$x@2"]);
    check(
        "$states.context.State.Name",
        &["$states@7.context.State.Name"],
    );
    check("$states.input[0].a", &["$states@7.input.a"]);
    check("$states.'context'.`State`", &["$states@7.context.State"]);
    check("$states.*.a", &["$states@7"]);
    check("$x[$y = 1]", &["$x@2", "$y@5"]);
    check("$x.{'a': $y.b.c}", &["$x@2", "$y@11.b.c"]);
    check("$a.b + $a.b", &["$a@2.b", "$a@9.b"]);
    check("$x^($y)", &["$x@2", "$y@6"]);
    check("$x ~> |$y|{'a': $z}|", &["$x@2", "$y@9", "$z@18"]);
    check("'\u{1F600}' & $x", &["$x@9"]);
}

#[test]
fn what_is_bound_within_is_not_free() {
    check("($x := 1; $x)", &[]);
    check("($x := 1; ($x; $y))", &["$y@17"]);
    check("(($x := 1); $x)", &["$x@14"]);
    check("function($x){ $x + $y }", &["$y@21"]);
    check("($f := function($n){ $f($n) }; $f(1))", &[]);
    check(
        "$a.b@$x.c#$i.{'x': $x, 'i': $i, 'j': $j}",
        &["$a@2.b.c", "$j@39"],
    );
    check("$map($x, $uppercase)", &["$x@7"]);
}

#[test]
fn what_is_bound_afterwards_is_free() {
    check("($a := $x; $x := 2; $x)", &["$x@9"]);
    check("($x := $x + 1; $x)", &["$x@9"]);
    check(
        "($a := $x.b; ($c := $x; $x := 2); $x)",
        &["$x@9.b", "$x@22", "$x@36"],
    );
    check("$x := $x", &["$x@8"]);
    check("($x := $x := 1)", &[]);
    check("($f := function(){ $x }; $x := 2; $f())", &[]);
    check("($f := function($x){ $x := $x + 1 }; $f($x))", &["$x@42"]);
    check("($f(1); $f := function($n){ $n })", &[]);
}

#[test]
fn the_input_document() {
    check("$", &["input@1"]);
    check("$$", &["input@2"]);
    check("$.a", &["input@1"]);
    check("$sum($)", &["input@6"]);
    check("{'a': $, 'b': [$]}", &["input@7", "input@16"]);
    check("$x.$", &["$x@2"]);
    check("$x[$ > 1]", &["$x@2"]);
    check("$map($x, function($v){ $ })", &["$x@7"]);
    check("$x{$: $}", &["$x@2"]);
    check("a", &["a@1"]);
    check("a.b.c", &["a@1"]);
    check("$x.a", &["$x@2.a"]);
    check("(a; `b c`)", &["a@2", "b c@9"]);
    check("$x[a = 1]", &["$x@2"]);
    check("a[b = 1]", &["a@1"]);
    check("{'k': a}", &["a@7"]);
    check("a ? b : c", &["a@1", "b@5", "c@9"]);
}

#[test]
fn functions_nobody_knows() {
    check("$sum([1])", &[]);
    check("$nope(1)", &["nope()@5"]);
    check("$eval('1')", &["eval()@5"]);
    check("$x ~> $nope()", &["$x@2", "nope()@11"]);
    check("$nope(?, 1)", &["nope()@5"]);
    check("sum(1)", &["sum@3"]);
}
