use super::*;

/// Events as `id<previous Type [name|error]` at as many seconds as their place.
fn story(lines: &[&str]) -> Story {
    let events = lines.iter().enumerate().map(|(at, line)| {
        let (ids, rest) = line.split_once(' ').unwrap();
        let (id, previous) = ids.split_once('<').unwrap();
        let (kind, word) = rest.split_once(' ').unwrap_or((rest, ""));
        let text = format!(
            r#"{{"id": {id}, "previousEventId": {previous}, "type": "{kind}", "timestamp": {at},
            "someEventDetails": {{"name": "{word}", "error": "{word}"}},
            "stateEnteredEventDetails": {{"name": "{word}"}}}}"#
        );
        json::parse(&text).unwrap()
    });
    Story::of(&events.collect::<Vec<_>>())
}

#[track_caller]
fn check(lines: &[&str], culprit: Option<&str>, states: &[&str]) {
    let story = story(lines);
    let name = |at: usize| story.visits[at].state.as_str();
    assert_eq!(story.culprit.map(name), culprit);
    let visited: Vec<&str> = story.visits.iter().map(|it| it.state.as_str()).collect();
    assert_eq!(visited, states);
}

#[test]
fn the_end_goes_back_to_the_state_that_failed() {
    check(
        &[
            "1<0 ExecutionStarted",
            "2<0 TaskStateEntered A",
            "3<2 TaskScheduled",
            "4<3 TaskStarted",
            "5<4 TaskTimedOut States.Timeout",
            "6<5 ExecutionFailed",
        ],
        Some("A"),
        &["A"],
    );
    // A failure that was caught is not the end's.
    check(
        &[
            "1<0 ExecutionStarted",
            "2<0 TaskStateEntered A",
            "3<2 TaskScheduled",
            "4<3 TaskFailed E",
            "5<4 TaskStateExited A",
            "6<5 FailStateEntered B",
            "7<6 ExecutionFailed",
        ],
        Some("B"),
        &["A", "B"],
    );
    // The branch's state, not the Parallel around it.
    check(
        &[
            "1<0 ExecutionStarted",
            "2<0 ParallelStateEntered P",
            "3<2 ParallelStateStarted",
            "4<3 PassStateEntered One",
            "5<3 TaskStateEntered Two",
            "6<5 LambdaFunctionScheduled",
            "7<6 LambdaFunctionFailed E",
            "8<7 ParallelStateFailed",
            "9<8 ExecutionFailed",
        ],
        Some("Two"),
        &["P", "One", "Two"],
    );
    // Nothing failed by itself: where it stood.
    check(
        &[
            "1<0 ExecutionStarted",
            "2<0 WaitStateEntered W",
            "3<2 ExecutionAborted",
        ],
        Some("W"),
        &["W"],
    );
    check(
        &["1<0 ExecutionStarted", "2<1 ExecutionTimedOut"],
        None,
        &[],
    );
    // After a redrive the end is another one.
    check(
        &[
            "1<0 ExecutionStarted",
            "2<0 TaskStateEntered A",
            "3<2 TaskScheduled",
            "4<3 TaskFailed E",
            "5<4 ExecutionFailed",
            "6<5 ExecutionRedriven",
            "7<6 TaskScheduled",
            "8<7 TaskSucceeded",
            "9<8 TaskStateExited A",
            "10<9 ExecutionSucceeded",
        ],
        None,
        &["A"],
    );
}
