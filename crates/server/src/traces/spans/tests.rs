use std::sync::Arc;

use asl::decide::{Allowance, Input, Moment, decide};
use asl::definition::MachineType;
use asl::event::Start;
use asl::run::Run;
use services::states::Integrations;

use super::*;

const ARN: &str = "arn:aws:states:us-east-1:000000000000:execution:Order:e";
const HEADER: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8";

/// An execution that goes on, one input a second.
struct World {
    program: Arc<Program>,
    start: Arc<Start>,
    run: Run,
    now: Timestamp,
    spans: Vec<Span>,
}

impl World {
    fn new(states: &str, header: Option<&str>) -> World {
        let text = format!(r#"{{"StartAt": "A", "States": {{{states}}}}}"#);
        let compiled = asl::compile::compile(&text, MachineType::Standard, &Integrations);
        let start = Start {
            execution_arn: ARN.into(),
            state_machine_arn: "arn:m".into(),
            state_machine_name: "Order".into(),
            trace_header: header.map(Into::into),
            ..Start::default()
        };
        let mut world = World {
            program: Arc::new(compiled.program.unwrap()),
            start: Arc::new(start.clone()),
            run: Run::default(),
            now: Timestamp(0),
            spans: Vec::new(),
        };
        world.take(Input::Start(Box::new(start)));
        world
    }

    fn take(&mut self, input: Input) {
        let moment = Moment {
            now: self.now,
            random: 0,
            allowance: Allowance::Inline,
        };
        let decision = decide(&self.program, &self.run, moment, input).unwrap();
        let seen = Observed {
            program: Arc::clone(&self.program),
            start: Arc::clone(&self.start),
            started_at: decision.run.started_at,
            redrive_count: decision.run.redrives.count,
            redriven_at: decision.run.redrives.last_at,
            time: decision.time,
            events: decision.events,
            before: std::mem::replace(&mut self.run, decision.run),
            billing: None,
        };
        self.spans.extend(ended(&seen));
        self.now = Timestamp(self.now.0 + 1_000);
    }

    /// The attempts under way, in the order of their threads.
    fn attempt(&self, at: usize) -> EventId {
        let calling = self
            .run
            .branches
            .iter()
            .filter_map(|branch| branch.calling());
        calling.map(|(_, calling)| calling.attempt).nth(at).unwrap()
    }

    fn succeed(&mut self, at: usize) {
        let attempt = self.attempt(at);
        let output = 1.into();
        self.take(Input::TaskSucceeded { attempt, output });
    }

    fn fail(&mut self, at: usize) {
        let attempt = self.attempt(at);
        let failure = Failure {
            error: Some("E".into()),
            cause: Some("secret".into()),
        };
        self.take(Input::TaskFailed { attempt, failure });
    }

    /// `name < parent's name from-to error`, in the order they were told.
    #[track_caller]
    fn check(&self, expected: &[&str]) {
        let name_of = |id: &[u8]| {
            let parent = self.spans.iter().find(|span| span.span_id == id);
            parent.map_or("-", |span| &span.name)
        };
        let shown = self.spans.iter().map(|span| {
            let seconds = |nanos: u64| nanos / 1_000_000_000;
            let (from, to) = (span.start_time_unix_nano, span.end_time_unix_nano);
            let status = span
                .status
                .as_ref()
                .map(|status| format!(" !{}", status.message));
            let name = span.name.rsplit(':').next().unwrap();
            let parent = name_of(&span.parent_span_id);
            let (from, to) = (seconds(from), seconds(to));
            format!(
                "{name} < {parent} {from}-{to}{}",
                status.unwrap_or_default()
            )
        });
        assert_eq!(shown.collect::<Vec<_>>(), expected);
        let one = &self.spans[0].trace_id;
        assert!(self.spans.iter().all(|span| span.trace_id == *one));
        let mut ids: Vec<_> = self.spans.iter().map(|span| &span.span_id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), self.spans.len(), "each is told once");
    }
}

const TASK: &str =
    r#""Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f""#;

#[test]
fn a_state_and_its_attempts() {
    let states = format!(
        r#""A": {{{TASK}, "Retry": [{{"ErrorEquals": ["E"]}}], "Next": "B"}},
           "B": {{"Type": "Pass", "End": true}}"#
    );
    let mut world = World::new(&states, Some(HEADER));
    world.fail(0);
    world.now = Timestamp(10_000);
    world.take(Input::DeadlineReached);
    world.succeed(0);
    world.check(&[
        "f < A 0-1 !E",
        "f < A 10-11",
        "A < Order 0-11",
        "B < Order 11-11",
        "Order < - 0-11",
    ]);
    let last = world.spans.last().unwrap();
    assert_eq!(last.trace_id[..4], 0x5759_e988_u32.to_be_bytes());
    assert_eq!(last.parent_span_id, 0x5399_5c3f_42cd_8ad8_u64.to_be_bytes());
    // What a failure tells of data stays in the history.
    assert!(!format!("{:?}", world.spans).contains("secret"));
}

#[test]
fn branches_end_with_the_one_that_failed() {
    let branch = |name: &str| {
        format!(r#"{{"StartAt": "{name}", "States": {{"{name}": {{{TASK}, "End": true}}}}}}"#)
    };
    let (one, two) = (branch("One"), branch("Two"));
    let states = format!(r#""A": {{"Type": "Parallel", "Branches": [{one}, {two}], "End": true}}"#);
    let mut world = World::new(&states, None);
    world.fail(1);
    let mut names: Vec<&str> = world.spans.iter().map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    let function = "arn:aws:lambda:us-east-1:000000000000:function:f";
    assert_eq!(names, ["A", "One", "Order", "Two", function, function]);
    let of = |name: &str| world.spans.iter().find(|span| span.name == name).unwrap();
    assert_eq!(of("One").parent_span_id, of("A").span_id);
    assert_eq!(of("Two").parent_span_id, of("A").span_id);
    assert_eq!(of("Two").status.as_ref().unwrap().message, "E");
    assert_eq!(of("A").parent_span_id, of("Order").span_id);
}

#[test]
fn who_is_not_sampled_is_not_told_of() {
    let states = r#""A": {"Type": "Pass", "End": true}"#;
    let world = World::new(states, Some(&format!("{HEADER};Sampled=0")));
    assert!(world.spans.is_empty());
    // A header that names no trace, or none: a trace of the execution's own.
    for header in [None, Some("mine")] {
        World::new(states, header).check(&["A < Order 0-0", "Order < - 0-0"]);
    }
}
