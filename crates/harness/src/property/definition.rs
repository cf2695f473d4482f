//! Valid definitions, drawn: every type of state, both query languages, nested Parallel and Map,
//! Retry, Catch, variables. Each state's input keeps one shape, so that most executions get far:
//! `{"n": a number, "l": a short array, "o": an object, "s": a text, ...}`.

use crate::dice::Dice;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";
const CALLBACK: &str = "arn:aws:states:::lambda:invoke.waitForTaskToken";
const ACTIVITY: &str = "arn:aws:states:us-east-1:123456789012:activity:a";
const JOB: &str = "arn:aws:states:::states:startExecution.sync:2";

/// States of one definition: enough to nest, few enough to read.
const STATES_MAX: u32 = 24;
/// How deep Parallel and Map nest.
const DEPTH_MAX: u32 = 3;

/// A drawn definition, as JSON text.
pub(super) fn draw(dice: &mut Dice) -> String {
    let is_jsonata = dice.one_in(3);
    let mut generator = Generator {
        dice,
        is_jsonata,
        last_state: 0,
        last_body: 0,
    };
    let body = generator.body(0, &mut Vec::new());
    let language = match (is_jsonata, generator.dice.one_in(3)) {
        (true, _) => r#""QueryLanguage":"JSONata","#,
        (false, true) => r#""QueryLanguage":"JSONPath","#,
        (false, false) => "",
    };
    let timeout = match generator.dice.one_in(8) {
        true => format!(r#""TimeoutSeconds":{},"#, generator.dice.within(5..60)),
        false => String::new(),
    };
    format!("{{{language}{timeout}{body}}}")
}

/// The input of an execution.
pub(super) fn input(dice: &mut Dice) -> String {
    let list = dice.pick(&["[]", "[1]", "[1,2]", "[1,2,3]", "[0,0,0,0,0]"]);
    let object = dice.pick(&["{}", r#"{"a":1}"#, r#"{"a":1.0,"b":[2]}"#]);
    let number = dice.below(4);
    format!(r#"{{"n":{number},"l":{list},"o":{object},"s":"text"}}"#)
}

struct Generator<'d> {
    dice: &'d mut Dice,
    /// The machine's language.
    is_jsonata: bool,
    last_state: u32,
    last_body: u32,
}

/// Where a state stands.
struct Spot<'a> {
    depth: u32,
    body: u32,
    name: &'a str,
    is_jsonata: bool,
    /// The states behind it in its body.
    later: &'a [String],
    /// Variables that were assigned before it, as far as the straight way goes.
    variables: &'a mut Vec<String>,
}

impl Spot<'_> {
    fn next(&self) -> String {
        match self.later.first() {
            Some(next) => format!(r#""Next":"{next}""#),
            None => r#""End":true"#.to_owned(),
        }
    }
}

impl Generator<'_> {
    /// The members of a body: a chain of states, with jumps forward.
    fn body(&mut self, depth: u32, variables: &mut Vec<String>) -> String {
        self.last_body += 1;
        let body = self.last_body;
        let left = STATES_MAX.saturating_sub(self.last_state);
        let len = match depth {
            0 => self.dice.within(2..6),
            _ => 1 + self.dice.below(u64::from(left.clamp(1, 4))),
        };
        let name = |generator: &mut Self| {
            generator.last_state += 1;
            format!("S{}", generator.last_state)
        };
        let names: Vec<String> = (0..len).map(|_| name(self)).collect();
        let outer = variables.len();
        let mut states = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let is_jsonata = self.is_jsonata || self.dice.one_in(3);
            let spot = Spot {
                depth,
                body,
                name,
                is_jsonata,
                later: &names[at + 1..],
                variables,
            };
            let members = self.state(spot);
            let language = match is_jsonata && !self.is_jsonata {
                true => r#""QueryLanguage":"JSONata","#,
                false => "",
            };
            states.push(format!(r#""{name}":{{{language}{members}}}"#));
        }
        variables.truncate(outer);
        let (start, states) = (&names[0], states.join(","));
        format!(r#""StartAt":"{start}","States":{{{states}}}"#)
    }

    fn state(&mut self, mut spot: Spot<'_>) -> String {
        let can_nest = spot.depth < DEPTH_MAX && self.last_state < STATES_MAX;
        let spot = &mut spot;
        let is_last = spot.later.is_empty();
        match self.dice.below(12) {
            0..=2 => self.pass(spot),
            3..=5 => self.task(spot),
            6 => self.wait(spot),
            7 if !is_last => self.choice(spot),
            8 | 9 if can_nest => self.map(spot),
            10 | 11 if can_nest => self.parallel(spot),
            7 | 8 if is_last && self.dice.one_in(3) => self.fail(spot),
            _ if is_last => self.succeed(spot),
            _ => self.pass(spot),
        }
    }

    fn pass(&mut self, spot: &mut Spot<'_>) -> String {
        let (value, assign) = (self.value(spot), self.assign(spot));
        let next = spot.next();
        let data = match (spot.is_jsonata, self.dice.below(4)) {
            (_, 0) => String::new(),
            (true, _) => self.merged(&value),
            (false, 1) => r#""Result":{"fixed":[1.0,null]},"ResultPath":"$.r","#.to_owned(),
            (false, _) => format!(
                r#""Parameters":{{"n.$":"$.n","l.$":"$.l","o.$":"$.o","s.$":"$.s",
                    "x.$":"{value}"}},"#
            ),
        };
        format!(r#""Type":"Pass",{data}{assign}{next}"#)
    }

    fn task(&mut self, spot: &mut Spot<'_>) -> String {
        let value = self.value(spot);
        let drawn = [
            FUNCTION, FUNCTION, FUNCTION, CALLBACK, CALLBACK, ACTIVITY, JOB,
        ];
        let resource = self.dice.pick(&drawn);
        let beats = [CALLBACK, ACTIVITY].contains(&resource);
        let arguments = match (spot.is_jsonata, resource) {
            (true, CALLBACK) => r#""Arguments":{"FunctionName":"f",
                    "Payload":{"t":"{% $states.context.Task.Token %}"}},"#
                .to_owned(),
            (false, CALLBACK) => {
                r#""Parameters":{"FunctionName":"f","Payload":{"t.$":"$$.Task.Token"}},"#.to_owned()
            }
            (true, JOB) => r#""Arguments":{"StateMachineArn":"m"},"#.to_owned(),
            (false, JOB) => r#""Parameters":{"StateMachineArn":"m"},"#.to_owned(),
            (true, _) => format!(r#""Arguments":{{"x":"{{% {value} %}}"}},"#),
            (false, _) => format!(r#""Parameters":{{"x.$":"{value}"}},"#),
        };
        let timeout = match (self.dice.below(4), spot.is_jsonata) {
            (0, _) => r#""TimeoutSeconds":9,"#,
            (1, true) => r#""TimeoutSeconds":"{% $states.input.n + 4 %}","#,
            (1, false) if beats => r#""TimeoutSeconds":30,"HeartbeatSeconds":4,"#,
            _ => "",
        };
        let result = match (spot.is_jsonata, self.dice.below(3)) {
            (true, _) => self.merged("$states.result"),
            (false, 0) => r#""ResultSelector":{"m.$":"$.mark"},"ResultPath":"$.r","#.to_owned(),
            (false, 1) => r#""ResultPath":null,"#.to_owned(),
            (false, _) => r#""ResultPath":"$.r","#.to_owned(),
        };
        let assign = self.assign_result(spot);
        let recovery = self.recovery(spot);
        let next = spot.next();
        format!(
            r#""Type":"Task","Resource":"{resource}",{arguments}{timeout}{result}{assign}{recovery}
                {next}"#
        )
    }

    fn wait(&mut self, spot: &mut Spot<'_>) -> String {
        let assign = self.assign(spot);
        let until = match (spot.is_jsonata, self.dice.below(3)) {
            (_, 0) => r#""Seconds":2"#,
            (_, 1) => r#""Timestamp":"2026-01-01T00:00:07Z""#,
            (true, _) => r#""Seconds":"{% $states.input.n %}""#,
            (false, _) => r#""SecondsPath":"$.n""#,
        };
        let next = spot.next();
        format!(r#""Type":"Wait",{until},{assign}{next}"#)
    }

    fn choice(&mut self, spot: &mut Spot<'_>) -> String {
        let target = self.pick_name(spot.later);
        let default = &spot.later[0];
        let assign = self.assign(spot);
        let number = self.dice.below(4);
        let rule = match (spot.is_jsonata, self.dice.below(3)) {
            (true, 0) => r#""Condition":false"#.to_owned(),
            (true, _) => format!(r#""Condition":"{{% $states.input.n >= {number} %}}""#),
            (false, 0) => r#""Variable":"$.l[0]","IsPresent":true"#.to_owned(),
            (false, 1) => format!(
                r#""Not":{{"Variable":"$.n","NumericEqualsPath":"$.n"}},"Comment":"{number}""#
            ),
            (false, _) => format!(r#""Variable":"$.n","NumericGreaterThanEquals":{number}"#),
        };
        format!(
            r#""Type":"Choice",{assign}"Choices":[{{{rule},"Next":"{target}"}}],
                "Default":"{default}""#
        )
    }

    fn succeed(&mut self, spot: &mut Spot<'_>) -> String {
        let value = self.value(spot);
        match spot.is_jsonata && self.dice.one_in(2) {
            true => format!(r#""Type":"Succeed","Output":"{{% {value} %}}""#),
            false => r#""Type":"Succeed""#.to_owned(),
        }
    }

    fn fail(&mut self, spot: &mut Spot<'_>) -> String {
        let error = self.dice.pick(&["Busy", "Broken"]);
        match (self.dice.below(3), spot.is_jsonata) {
            (0, _) => r#""Type":"Fail""#.to_owned(),
            (1, false) => format!(r#""Type":"Fail","Error":"{error}","CausePath":"$.s""#),
            (1, true) => {
                format!(r#""Type":"Fail","Error":"{error}","Cause":"{{% $states.input.s %}}""#)
            }
            _ => format!(r#""Type":"Fail","Error":"{error}","Cause":"as drawn""#),
        }
    }

    fn map(&mut self, spot: &mut Spot<'_>) -> String {
        let is_jsonata = spot.is_jsonata;
        let items = match (is_jsonata, self.dice.below(4)) {
            (true, 0) => r#""Items":"{% $states.input.o %}","#,
            (true, 1) => r#""Items":["{% $states.input.n %}",2],"#,
            (true, _) => r#""Items":"{% $states.input.l %}","#,
            (false, 0) => r#""ItemsPath":"$.o","#,
            (false, _) => r#""ItemsPath":"$.l","#,
        };
        let selector = match is_jsonata {
            true => {
                r#"{"n":"{% $states.context.Map.Item.Index %}","l":[1,2],"o":{"k":3},"s":"in",
                    "v":"{% $states.context.Map.Item.Value %}"}"#
            }
            false => {
                r#"{"n.$":"$$.Map.Item.Index","l":[1,2],"o":{"k":3},"s.$":"$.s",
                    "v.$":"$$.Map.Item.Value"}"#
            }
        };
        let concurrency = match (self.dice.below(4), is_jsonata) {
            (0, _) => r#""MaxConcurrency":1,"#,
            (1, _) => r#""MaxConcurrency":2,"#,
            (2, false) => r#""MaxConcurrencyPath":"$.n","#,
            (2, true) => r#""MaxConcurrency":"{% $states.input.n %}","#,
            _ => "",
        };
        let (assign, result) = (self.assign_result(spot), self.result(spot));
        let recovery = self.recovery(spot);
        let is_old = !is_jsonata && self.dice.one_in(4);
        let (processor, selects) = match is_old {
            true => ("Iterator", "Parameters"),
            false => ("ItemProcessor", "ItemSelector"),
        };
        let body = self.body(spot.depth + 1, spot.variables);
        let next = spot.next();
        format!(
            r#""Type":"Map",{items}"{selects}":{selector},{concurrency}{result}{assign}{recovery}
                "{processor}":{{{body}}},{next}"#
        )
    }

    fn parallel(&mut self, spot: &mut Spot<'_>) -> String {
        let (assign, result) = (self.assign_result(spot), self.result(spot));
        let recovery = self.recovery(spot);
        let branches: Vec<String> = (0..self.dice.within(1..4))
            .map(|_| format!("{{{}}}", self.body(spot.depth + 1, spot.variables)))
            .collect();
        let (branches, next) = (branches.join(","), spot.next());
        format!(r#""Type":"Parallel",{result}{assign}{recovery}"Branches":[{branches}],{next}"#)
    }

    /// Where the results of a Map or Parallel go.
    fn result(&mut self, spot: &Spot<'_>) -> String {
        match (spot.is_jsonata, self.dice.below(4)) {
            (true, _) => self.merged("$states.result"),
            (false, 0) => r#""ResultSelector":{"all.$":"$"},"ResultPath":"$.r","#.to_owned(),
            (false, 1) => r#""ResultPath":null,"#.to_owned(),
            (false, _) => r#""ResultPath":"$.r","#.to_owned(),
        }
    }

    /// An Output that keeps the shape and adds a value.
    fn merged(&mut self, value: &str) -> String {
        format!(r#""Output":"{{% $merge([$states.input, {{'x': {value}}}]) %}}","#)
    }

    /// Retry and Catch.
    fn recovery(&mut self, spot: &mut Spot<'_>) -> String {
        let mut members = String::new();
        if self.dice.one_in(2) {
            let error = self.error();
            let (interval, attempts) = (self.dice.within(1..4), self.dice.below(3));
            let more = self.dice.pick(&[
                "",
                r#","JitterStrategy":"FULL""#,
                r#","BackoffRate":1,"MaxDelaySeconds":2"#,
            ]);
            members.push_str(&format!(
                r#""Retry":[{{"ErrorEquals":["{error}"],"IntervalSeconds":{interval},
                    "MaxAttempts":{attempts}{more}}}],"#
            ));
        }
        if !spot.later.is_empty() && self.dice.one_in(2) {
            let (error, next) = (self.error(), self.pick_name(spot.later));
            let name = spot.name;
            let data = match spot.is_jsonata {
                true => r#""Output":"{% $merge([$states.input, {'e': $states.errorOutput}]) %}","#
                    .to_owned(),
                false => r#""ResultPath":"$.e","#.to_owned(),
            };
            let assign = match (self.dice.below(3), spot.is_jsonata) {
                (0, true) => {
                    format!(r#""Assign":{{"c{name}":"{{% $states.errorOutput.Error %}}"}},"#)
                }
                (0, false) => format!(r#""Assign":{{"c{name}.$":"$.Error"}},"#),
                _ => String::new(),
            };
            members.push_str(&format!(
                r#""Catch":[{{"ErrorEquals":["{error}"],{data}{assign}"Next":"{next}"}}],"#
            ));
        }
        members
    }

    fn error(&mut self) -> &'static str {
        self.dice.pick(&[
            "Busy",
            "Broken",
            "States.ALL",
            "States.ALL",
            "States.TaskFailed",
            "States.Timeout",
            "States.QueryEvaluationError",
            "States.DataLimitExceeded",
        ])
    }

    /// An Assign from what the state sees.
    fn assign(&mut self, spot: &mut Spot<'_>) -> String {
        if !self.dice.one_in(3) {
            return String::new();
        }
        let value = self.dice.pick(&["n", "l", "s"]);
        let name = self.variable(spot);
        match spot.is_jsonata {
            true => format!(r#""Assign":{{"{name}":"{{% $states.input.{value} %}}"}},"#),
            // `$` of a Pass is its result, which need not have the shape.
            false => format!(r#""Assign":{{"{name}.$":"$$.State.Name"}},"#),
        }
    }

    /// An Assign from a result.
    fn assign_result(&mut self, spot: &mut Spot<'_>) -> String {
        if !self.dice.one_in(3) {
            return String::new();
        }
        let name = self.variable(spot);
        match spot.is_jsonata {
            true => format!(r#""Assign":{{"{name}":"{{% $states.result %}}"}},"#),
            false => format!(r#""Assign":{{"{name}.$":"$"}},"#),
        }
    }

    /// A variable of the body: an old or a new one.
    fn variable(&mut self, spot: &mut Spot<'_>) -> String {
        let name = format!("v{}_{}", spot.body, self.dice.below(2));
        if !spot.variables.contains(&name) {
            spot.variables.push(name.clone());
        }
        name
    }

    /// A path, an intrinsic function or a JSONata expression. A few fail.
    fn value(&mut self, spot: &Spot<'_>) -> String {
        if !spot.variables.is_empty() && self.dice.one_in(3) {
            return format!("${}", self.pick_name(spot.variables));
        }
        let is_risky = self.dice.one_in(15);
        let values: &[&str] = match (spot.is_jsonata, is_risky) {
            (true, false) => &[
                "$states.input.n + 1",
                "[$states.input.l[$ > 1]]",
                "$map($states.input.l, function($v) { $v * 2 })[]",
                "$states.context.State.Name & $states.input.s",
                "[$sort($states.input.l, function($a, $b) { $a < $b })]",
                "$uuid() & $string($random())",
                "$range(1, 5, 2)",
                "$states.input.n / 0",
                "$merge([{'a': 1}, $states.input.o])",
            ],
            (true, true) => &[
                "$states.input.l[$ > 1]",
                "$error('drawn')",
                "$sum($map([1..12000], function($v) { $v % 7 }))",
            ],
            (false, false) => &[
                "$.n",
                "$.l[*]",
                "$.o",
                "$$.State.Name",
                "$$.Execution.Input",
                "States.Format('{}/{}', $.n, $$.State.Name)",
                "States.Array($.n, $.l, States.ArrayLength($.l))",
                "States.MathRandom(0, 100)",
                "States.UUID()",
            ],
            (false, true) => &["States.ArrayGetItem($.l, 0)", "$.nowhere"],
        };
        self.dice.pick(values).to_owned()
    }

    fn pick_name(&mut self, names: &[String]) -> String {
        let at = self.dice.below(names.len() as u64);
        names[usize::try_from(at).unwrap()].clone()
    }
}
