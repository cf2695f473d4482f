//! Where a state stands in the text of its definition.

use json::{Step, Value};

/// Line and column of the state's name. Names are unique in the whole definition, branches and
/// item processors included.
pub(crate) fn state(definition: &str, name: &str) -> Option<(usize, usize)> {
    let document = json::parse_spanned(definition).ok()?;
    let mut machines: Vec<(Vec<Step>, &Value)> = vec![(Vec::new(), &document.root)];
    while let Some((path, machine)) = machines.pop() {
        let Some(states) = machine.get("States").and_then(Value::as_object) else {
            continue;
        };
        for (key, state) in states {
            let path = below(&path, ["States".into(), key.into()]);
            if key == name {
                let span = document.key_span(&path)?;
                return Some(document.line_column(span.start));
            }
            for member in ["ItemProcessor", "Iterator"] {
                if let Some(body) = state.get(member) {
                    machines.push((below(&path, [member.into()]), body));
                }
            }
            let branches = state.get("Branches").and_then(Value::as_array);
            for (index, branch) in branches.unwrap_or_default().iter().enumerate() {
                machines.push((below(&path, ["Branches".into(), index.into()]), branch));
            }
        }
    }
    None
}

fn below<const N: usize>(path: &[Step], steps: [Step; N]) -> Vec<Step> {
    path.iter().cloned().chain(steps).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Option<(usize, usize)>) {
        let definition = r#"{"States": {
  "A": {"Type": "Parallel", "Branches": [{"States": {}}, {"States": {
    "B": {"Type": "Map", "ItemProcessor": {"States": {
      "C": {}}}}}}]},
  "D": {"Type": "Map", "Iterator": {"States": {"E": {}}}}}}"#;
        assert_eq!(state(definition, name), expected, "{name}");
    }

    #[test]
    fn states_are_found_at_any_depth() {
        check("A", Some((2, 3)));
        check("B", Some((3, 5)));
        check("C", Some((4, 7)));
        check("E", Some((5, 48)));
        check("F", None);
    }
}
