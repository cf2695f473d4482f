use asl::definition::Resolved;

use super::*;
use crate::states::Integrations;

#[test]
fn definitions_compile_and_are_nobody_elses() {
    for definition in DEFINITIONS {
        let number = definition.number;
        assert!(is_system(number));
        assert!(!aws::arn::is_valid_name(definition.machine));
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
