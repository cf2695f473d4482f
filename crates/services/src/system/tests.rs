use asl::definition::Resolved;

use super::*;
use crate::states::Integrations;

#[test]
fn definitions_compile_and_are_nobody_elses() {
    for definition in DEFINITIONS {
        let number = definition.number;
        assert!(is_system(number));
        assert!(!aws::arn::is_valid_name(definition.machine));
        assert!(engine::arn::is_own(definition.machine));
        let compiled = compile(definition.text, MachineType::Standard, &Resources);
        assert!(
            compiled.diagnostics.is_empty(),
            "{:?}",
            compiled.diagnostics
        );
        program(number).unwrap();
        // No user can write it down.
        let foreign = compile(definition.text, MachineType::Standard, &Integrations);
        assert!(foreign.program.is_none());
    }
    assert!(!is_system(1));
    let unknown = NUMBERS_FROM + 999;
    assert_eq!(
        program(unknown).unwrap_err(),
        DefinitionError::Missing(unknown)
    );
    let resource = format!("{SYSTEM_RESOURCE}lambda:invokeEvent");
    assert_eq!(Integrations.resolve(&resource), Resolved::Unknown);
}

/// Operations that take executions of either kind don't find one of the server's own.
#[test]
fn executions_are_nobody_elses() {
    let check = |machine: &str, is_found: bool| {
        let input = format!(
            r#"{{"executionArn": "arn:aws:states:eu-west-1:123456789012:execution:{machine}:x"}}"#
        );
        let input = json::parse(&input).unwrap();
        let call = crate::testing::call(aws::Service::Lockstep, "DescribeProvenance", &input, 0);
        let found = crate::states::arn::any_execution(&call);
        assert_eq!(found.is_ok(), is_found, "{machine}: {found:?}");
    };
    check("Order", true);
    DEFINITIONS.iter().for_each(|own| check(own.machine, false));
}
