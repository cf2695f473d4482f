//! What is done to the language.

/// One definition and its input.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) definition: fn() -> String,
    pub(super) input: fn() -> String,
    pub(super) ends: Ends,
    /// Resident memory beyond what the process had before.
    pub(super) mib_max: u64,
}

#[derive(Debug)]
pub(super) enum Ends {
    /// Status and error.
    With(&'static str),
    /// The definition is refused.
    Refused,
}

const QUERY_ERROR: Ends = Ends::With("Failed States.QueryEvaluationError");
const RUNTIME: Ends = Ends::With("Failed States.Runtime");
const TOO_LARGE: Ends = Ends::With("Failed States.DataLimitExceeded");
const SUCCEEDS: Ends = Ends::With("Succeeded ");

/// 64 MiB of an evaluation, and what the allocator and the execution itself take.
const EVALUATION_MIB: u64 = 110;
/// Payloads, events and compiled definitions.
const EXECUTION_MIB: u64 = 160;

/// A machine of one JSONata Pass.
fn jsonata(expression: &str) -> String {
    let output = json::Value::from(format!("{{% {expression} %}}").as_str());
    format!(
        r#"{{"QueryLanguage":"JSONata","StartAt":"A","States":{{
            "A":{{"Type":"Pass","Output":{output},"End":true}}}}}}"#
    )
}

/// A machine of one JSONPath Pass.
fn parameters(value: &str) -> String {
    let value = json::Value::from(value);
    format!(
        r#"{{"StartAt":"A","States":{{
            "A":{{"Type":"Pass","Parameters":{{"r.$":{value}}},"End":true}}}}}}"#
    )
}

fn nothing() -> String {
    "{}".to_owned()
}

/// An array of 256 KiB of numbers.
fn numbers() -> String {
    let numbers: Vec<String> = (0..37_000)
        .map(|n| (n * 7_919 % 100_000).to_string())
        .collect();
    format!("[{}]", numbers.join(","))
}

/// An array of 256 KiB of objects.
fn objects() -> String {
    let objects: Vec<String> = (0..18_000).map(|n| format!(r#"{{"a":{n}}}"#)).collect();
    format!("[{}]", objects.join(","))
}

/// An object nested as deep as JSON may.
fn deep() -> String {
    format!("{}1{}", r#"{"a":"#.repeat(900), "}".repeat(900))
}

fn chain(len: usize) -> String {
    let state = |at: usize| match at + 1 < len {
        true => format!(r#""S{at}":{{"Type":"Pass","Next":"S{}"}}"#, at + 1),
        false => format!(r#""S{at}":{{"Type":"Pass","End":true}}"#),
    };
    let states: Vec<String> = (0..len).map(state).collect();
    format!(r#"{{"StartAt":"S0","States":{{{}}}}}"#, states.join(","))
}

fn branches(count: usize) -> String {
    let branch = |at: usize| {
        format!(r#"{{"StartAt":"B{at}","States":{{"B{at}":{{"Type":"Pass","End":true}}}}}}"#)
    };
    let branches: Vec<String> = (0..count).map(branch).collect();
    format!(
        r#"{{"StartAt":"P","States":{{"P":{{"Type":"Parallel","End":true,"Branches":[{}]}}}}}}"#,
        branches.join(",")
    )
}

/// So many Maps in each other, each over the execution's input.
fn maps(depth: usize) -> String {
    let wait = r#"{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":1,"End":true}}}"#;
    (0..depth).fold(wait.to_owned(), |body, at| {
        format!(
            r#"{{"StartAt":"M{at}","States":{{"M{at}":{{"Type":"Map","End":true,
                "ItemsPath":"$$.Execution.Input","ItemProcessor":{body}}}}}}}"#
        )
    })
}

/// A cycle of states, each with these members.
fn cycle(members: &str) -> String {
    format!(
        r#"{{"StartAt":"A","States":{{
            "A":{{"Type":"Pass",{members}"Next":"B"}},
            "B":{{"Type":"Choice","Default":"A","Choices":[
                {{"Variable":"$$.Execution.Input.stop","IsPresent":true,"Next":"C"}}]}},
            "C":{{"Type":"Succeed"}}}}}}"#
    )
}

/// Two values of 40 levels that contain themselves by sharing.
const SHARED: &str = "$f := function($a, $n){ $n = 0 ? $a : $f({'a': $a, 'b': $a}, $n - 1) }; \
                      $x := $f([1], 40); $y := $f([1], 40);";

macro_rules! case {
    ($name:literal, $definition:expr, $input:expr, $ends:expr, $mib:expr) => {
        Case {
            name: $name,
            definition: || $definition,
            input: || $input,
            ends: $ends,
            mib_max: $mib,
        }
    };
}

pub(super) const CASES: &[Case] = &[
    case!(
        "endless tail recursion",
        jsonata("($f := function($n) { $f($n + 1) }; $f(1))"),
        nothing(),
        QUERY_ERROR,
        EVALUATION_MIB
    ),
    case!(
        "endless recursion",
        jsonata("($f := function($n) { 1 + $f($n) }; $f(1))"),
        nothing(),
        QUERY_ERROR,
        EVALUATION_MIB
    ),
    case!(
        "doubling of a string",
        jsonata("($f := function($s) { $f($s & $s) }; $f('x'))"),
        nothing(),
        QUERY_ERROR,
        EVALUATION_MIB
    ),
    case!(
        "doubling of an array",
        jsonata("($f := function($a) { $f($append($a, $a)) }; $f([1]))"),
        nothing(),
        QUERY_ERROR,
        EVALUATION_MIB
    ),
    case!(
        "equality of shared structures",
        jsonata(&format!("({SHARED} $x = $y)")),
        nothing(),
        QUERY_ERROR,
        EVALUATION_MIB
    ),
    case!(
        "the text of shared structures",
        jsonata(&format!("({SHARED} $string($x))")),
        nothing(),
        QUERY_ERROR,
        EVALUATION_MIB
    ),
    case!(
        "an output of shared structures",
        jsonata(&format!("({SHARED} $x)")),
        nothing(),
        TOO_LARGE,
        EVALUATION_MIB
    ),
    case!(
        "$distinct of 256 KiB of numbers",
        jsonata("$count($distinct($states.input))"),
        numbers(),
        SUCCEEDS,
        EVALUATION_MIB
    ),
    case!(
        "$distinct of 256 KiB of objects",
        jsonata("$count($distinct($states.input))"),
        objects(),
        SUCCEEDS,
        EVALUATION_MIB
    ),
    case!(
        "$sort of 256 KiB by a function",
        jsonata("$count($sort($states.input, function($a, $b) { $a > $b }))"),
        numbers(),
        SUCCEEDS,
        EVALUATION_MIB
    ),
    case!(
        "$sort by an expensive function",
        jsonata("$sort($states.input, function($a, $b) { $sum($states.input) > $a })"),
        numbers(),
        QUERY_ERROR,
        EVALUATION_MIB
    ),
    case!(
        "a bomb of a regular expression",
        jsonata("$contains($pad('', 200000, 'a') & 'b', /^(a+)+(a|a)*((x*)*)*$/)"),
        nothing(),
        SUCCEEDS,
        EVALUATION_MIB
    ),
    case!(
        "a regular expression of counted repetitions",
        jsonata("$contains($pad('', 100000, 'a'), /((a{1,100}){1,100}){1,100}$/)"),
        nothing(),
        Ends::Refused,
        EVALUATION_MIB
    ),
    case!(
        "a range of ten million",
        jsonata("[1..10000000]"),
        nothing(),
        QUERY_ERROR,
        EVALUATION_MIB
    ),
    case!(
        "a group for each of many",
        jsonata("[1..400000]{$string($): [$, $, $, $]}"),
        nothing(),
        QUERY_ERROR,
        EVALUATION_MIB
    ),
    case!(
        "many heavy evaluations in one state",
        {
            let fields: Vec<String> = (0..40)
                .map(|at| {
                    let heavy = "$sum($map([1..200000], function($v) { $v }))";
                    format!(r#""f{at}":"{{% {heavy} %}}""#)
                })
                .collect();
            format!(
                r#"{{"QueryLanguage":"JSONata","StartAt":"A","States":{{
                    "A":{{"Type":"Pass","Output":{{{}}},"End":true}}}}}}"#,
                fields.join(",")
            )
        },
        nothing(),
        QUERY_ERROR,
        EVALUATION_MIB
    ),
    case!(
        "a chain of heavy evaluations",
        r#"{"QueryLanguage":"JSONata","StartAt":"A","States":{
            "A":{"Type":"Pass","Next":"B","Output":
                "{% ($sum($map([1..20000], function($v) { $v })); $states.input) %}"},
            "B":{"Type":"Choice","Default":"C","Choices":[
                {"Condition":"{% $states.input.n > 0 %}","Next":"A"}]},
            "C":{"Type":"Succeed"}}}"#
            .to_owned(),
        r#"{"n":0}"#.to_owned(),
        SUCCEEDS,
        EVALUATION_MIB
    ),
    case!(
        "nested filters of JSONPath",
        parameters("$..[?(@..[?(@..[?(@..a)])])]"),
        format!(r#"[{}]"#, [deep(), deep()].join(",")),
        Ends::Refused,
        EVALUATION_MIB
    ),
    case!(
        "descents in descents of JSONPath",
        parameters("$..*..*..*"),
        deep(),
        RUNTIME,
        EVALUATION_MIB
    ),
    case!(
        "States.ArrayUnique of 256 KiB of objects",
        parameters("States.ArrayLength(States.ArrayUnique($))"),
        objects(),
        SUCCEEDS,
        EVALUATION_MIB
    ),
    case!(
        "nested States.Format of 256 KiB",
        parameters("States.Format('{}{}{}{}{}{}{}{}', $, $, $, $, $, $, $, $)"),
        numbers(),
        TOO_LARGE,
        EXECUTION_MIB
    ),
    case!(
        "a pattern of many stars",
        format!(
            r#"{{"StartAt":"C","States":{{
                "C":{{"Type":"Choice","Default":"Z","Choices":[
                    {{"Variable":"$","StringMatches":"{}b","Next":"Z"}}]}},
                "Z":{{"Type":"Succeed"}}}}}}"#,
            "*a".repeat(2_000)
        ),
        format!(r#""{}""#, "a".repeat(250_000)),
        SUCCEEDS,
        EVALUATION_MIB
    ),
    case!(
        "doubling of a payload",
        cycle(r#""Parameters":{"a.$":"$","b.$":"$"},"#),
        r#"{"x":1}"#.to_owned(),
        TOO_LARGE,
        EXECUTION_MIB
    ),
    case!(
        "doubling of a variable",
        cycle(
            r#""Assign":{"v.$":"States.Array($, $$.Execution.Input)"},
                "Parameters":{"x.$":"States.Array($, $)"},"#
        ),
        r#"{"x":1}"#.to_owned(),
        TOO_LARGE,
        EXECUTION_MIB
    ),
    case!(
        "an endless cycle",
        cycle(""),
        numbers(),
        RUNTIME,
        EXECUTION_MIB
    ),
    case!(
        "a chain of 13,000 states",
        chain(12_400),
        numbers(),
        SUCCEEDS,
        EXECUTION_MIB
    ),
    case!(
        "a longer chain than a history holds",
        chain(13_000),
        nothing(),
        RUNTIME,
        EXECUTION_MIB
    ),
    case!(
        "10,000 branches",
        branches(10_000),
        nothing(),
        SUCCEEDS,
        EXECUTION_MIB
    ),
    case!(
        "4,000 branches of 256 KiB",
        branches(4_000),
        numbers(),
        TOO_LARGE,
        EXECUTION_MIB
    ),
    case!(
        "a Map of 37,000 items",
        r#"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemProcessor":{
            "StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}}}}"#
            .to_owned(),
        numbers(),
        RUNTIME,
        EXECUTION_MIB
    ),
    case!(
        "an ItemSelector of the whole input",
        r#"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemSelector":{"all.$":"$"},
            "ItemProcessor":{"StartAt":"A","States":{
                "A":{"Type":"Wait","Seconds":1,"End":true}}}}}}"#
            .to_owned(),
        format!("[{}]", vec!["1"; 100_000].join(",")),
        RUNTIME,
        EXECUTION_MIB
    ),
    case!(
        "Map in Map in Map",
        maps(3),
        format!("[{}]", vec!["1"; 1_000].join(",")),
        RUNTIME,
        EXECUTION_MIB
    ),
    case!(
        "an endless retry of a Map",
        r#"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,
            "Retry":[{"ErrorEquals":["E"],"MaxAttempts":99999999,"MaxDelaySeconds":1}],
            "ItemProcessor":{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E"}}}}}}"#
            .to_owned(),
        numbers(),
        RUNTIME,
        EXECUTION_MIB
    ),
    case!(
        "a definition of a million brackets",
        format!(r#"{{"StartAt":{}"#, "[".repeat(1_000_000)),
        nothing(),
        Ends::Refused,
        EXECUTION_MIB
    ),
    case!(
        "an expression of a million brackets",
        jsonata(&"(".repeat(500_000)),
        nothing(),
        Ends::Refused,
        EXECUTION_MIB
    ),
    case!(
        "a definition of 1 MiB of fields nobody knows",
        {
            let fields: Vec<String> = (0..60_000).map(|at| format!(r#""x{at}":{{}}"#)).collect();
            format!(
                r#"{{"StartAt":"A","States":{{"A":{{"Type":"Succeed",{}}}}}}}"#,
                fields.join(",")
            )
        },
        nothing(),
        Ends::Refused,
        EXECUTION_MIB
    ),
    case!(
        "Parallel nested in itself",
        {
            let open = |at: usize| {
                format!(
                    r#"{{"StartAt":"P{at}","States":{{"P{at}":{{"Type":"Parallel","End":true,
                        "Branches":["#
                )
            };
            let opened: String = (0..200).map(open).collect();
            let last = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#;
            format!("{opened}{last}{}", "]}}}".repeat(200))
        },
        nothing(),
        SUCCEEDS,
        EXECUTION_MIB
    ),
];
