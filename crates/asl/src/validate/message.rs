//! Every text a definition can be refused with, and the codes.
//!
//! Where AWS's text is known (recorded from AWS, or second hand in its issues) it is AWS's. The
//! functions and constants under "in AWS's style" are the nearest we could write; AWS's own words
//! for these cases are not known to us.

use super::report::beginning;
use super::schema::Language;

pub(crate) const INVALID_JSON: &str = "INVALID_JSON_DESCRIPTION";
pub(crate) const SCHEMA: &str = "SCHEMA_VALIDATION_FAILED";
pub(crate) const MISSING_TARGET: &str = "MISSING_TRANSITION_TARGET";
pub(crate) const MISSING_END: &str = "MISSING_END_STATE";
pub(crate) const DUPLICATE_STATE: &str = "DUPLICATE_STATE_NAME";
pub(crate) const STATE_NAME: &str = "INVALID_STATE_NAME";
pub(crate) const INVALID_LABEL: &str = "INVALID_LABEL_NAME";
pub(crate) const DUPLICATE_LABEL: &str = "DUPLICATE_LABEL_NAME";
pub(crate) const TOO_DEEP: &str = "TOO_DEEPLY_NESTED";
pub(crate) const NO_DOLLAR: &str = "NO_DOLLAR";
pub(crate) const NO_PATH: &str = "NO_PATH";
pub(crate) const STATIC_RESULT: &str = "PASS_RESULT_IS_STATIC";
/// Ours: AWS's parser takes the last of two equal members without a word.
pub(crate) const DUPLICATE_FIELD: &str = "DUPLICATE_FIELD";
/// Ours: AWS accepts the tolerance of failures on an inline Map without a word.
pub(crate) const NO_EFFECT: &str = "NO_EFFECT";
/// Ours: AWS has it, Lockstep accepts it and can't run it yet.
pub(crate) const NOT_SERVED: &str = "NOT_SERVED";

// -- AWS's texts ---------------------------------------------------------------------------------

pub(crate) const NOT_AN_OBJECT: &str = "Definition must be a valid JSON object";
pub(crate) const EMPTY: &str = "Value cannot be empty";
pub(crate) const NOT_RFC3339: &str = "String does not match RFC3339 timestamp";
pub(crate) const NOT_REFERENCE_PATH: &str = "Value is not a Reference Path";
pub(crate) const NO_TERMINAL_STATE: &str = "Workflow has no terminal state";
pub(crate) const LANGUAGE_DOWNGRADE: &str =
    "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine";
pub(crate) const EXPRESS_ACTIVITY: &str = "Express state machine does not support Activity ARN";

pub(crate) fn missing(name: &str) -> String {
    format!("The field '{name}' is required but was missing")
}

/// Of a member of `Parameters` that an integration does not know. Known from its use at run time.
pub(crate) fn unsupported_parameter(name: &str) -> String {
    format!("The field '{name}' is not supported by Step Functions")
}

pub(crate) fn required(names: &[&str]) -> String {
    format!("These fields are required: [{}]", names.join(", "))
}

pub(crate) fn unsupported(name: &str) -> String {
    format!("Field '{name}' is not supported")
}

pub(crate) fn only_one(names: &[&str]) -> String {
    format!(
        "There should only be one of the following fields: [{}]",
        names.join(", ")
    )
}

pub(crate) fn one_of_values(name: &str, values: &[&str]) -> String {
    format!(
        "The field '{name}' should have one of these values: [{}]",
        values.join(", ")
    )
}

pub(crate) fn minimum(value: &str) -> String {
    format!("Minimum value is {value}")
}

pub(crate) fn template(field: &str) -> String {
    format!(
        "The value for the field '{field}' must be a valid JSONPath or a valid intrinsic \
         function call"
    )
}

pub(crate) fn unreachable(state: &str) -> String {
    format!("State \"{state}\" is not reachable.")
}

pub(crate) fn unknown_resource(resource: &str) -> String {
    format!(
        "The resource provided {resource} is not recognized. The value is not a valid resource \
         ARN, or the resource is not available in this region."
    )
}

/// The text for the callback pattern ends in a space, that for the job pattern does not.
pub(crate) fn express_pattern(pattern: &str) -> String {
    let ending = if pattern == ".waitForTaskToken" {
        " "
    } else {
        ""
    };
    format!("Express state machine does not support '{pattern}' service integration{ending}")
}

/// A field that belongs to the other query language than `language`.
pub(crate) fn foreign_field(name: &str, language: Language) -> String {
    let (own, other) = match language {
        Language::JsonPath => (Language::JsonPath, Language::Jsonata),
        Language::Jsonata => (Language::Jsonata, Language::JsonPath),
    };
    let (own, other) = (own.name(), other.name());
    format!(
        "The QueryLanguage is set to '{own}', but field '{name}' is only supported for the \
         '{other}' QueryLanguage"
    )
}

// -- In AWS's style ------------------------------------------------------------------------------

pub(crate) const NOT_JSONPATH: &str = "Value is not a valid JSONPath";
pub(crate) const NOT_PATH_OR_INTRINSIC: &str =
    "Value is not a valid JSONPath or a valid intrinsic function call";
pub(crate) const STATE_NAME_LENGTH: &str = "State name must be between 1 and 80 characters long";
pub(crate) const ALL_ALONE: &str = "'States.ALL' must be the only element of 'ErrorEquals'";
pub(crate) const ALL_LAST: &str = "'States.ALL' can only be used in the last element";
pub(crate) const HEARTBEAT_TOO_LONG: &str =
    "The value of 'HeartbeatSeconds' must be smaller than the value of 'TimeoutSeconds'";

pub(crate) const NOT_ITEMS: &str = "Value must be an array, an object or a JSONata expression";
pub(crate) const RESERVED_VARIABLE: &str = "The variable name 'states' is reserved";
pub(crate) const VARIABLE_NAME_LENGTH: &str =
    "Variable name must be between 1 and 80 characters long";

pub(crate) const RULE_TOO_DEEP: &str = "Choice rule is nested too deeply";

pub(crate) const LABEL_EMPTY: &str = "Label cannot be empty";
pub(crate) const EXPRESS_DISTRIBUTED: &str =
    "Express state machine does not support the Map mode 'DISTRIBUTED'";
pub(crate) const NOT_POINTER: &str = "Value is not a valid JSON Pointer";

pub(crate) fn label_too_long(limit: usize) -> String {
    format!("Label cannot exceed {limit} characters")
}

pub(crate) fn label_character(character: &str) -> String {
    format!("Label contains invalid character: '{character}'")
}

pub(crate) fn duplicate_label(label: &str) -> String {
    format!("Duplicate label: {label}")
}

/// A field of a Map that an inline one cannot have.
pub(crate) fn only_distributed(field: &str) -> String {
    format!("Field '{field}' is only supported for the Map mode 'DISTRIBUTED'")
}

/// A field that the value of another rules out.
pub(crate) fn unsupported_with(field: &str, other: &str, value: &str) -> String {
    format!("Field '{field}' is not supported if '{other}' is '{value}'")
}

pub(crate) fn expected(kind: &str) -> String {
    format!("Expected value of type {kind}")
}

pub(crate) fn maximum(value: &str) -> String {
    format!("Maximum value is {value}")
}

pub(crate) fn one_required(names: &[&str]) -> String {
    format!("One of these fields is required: [{}]", names.join(", "))
}

pub(crate) fn missing_target(field: &str, state: &str) -> String {
    format!("Missing '{field}' target: {state}")
}

pub(crate) fn duplicate_state(name: &str) -> String {
    format!("Duplicate state name: {name}")
}

pub(crate) fn duplicate_field(name: &str) -> String {
    format!("Field '{name}' is given more than once; the last one counts")
}

pub(crate) fn reserved_error_name(name: &str) -> String {
    format!(
        "The error name '{name}' is not a known error; only reserved names begin with 'States.'"
    )
}

pub(crate) fn no_dollar(field: &str) -> String {
    format!(
        "The value of the field '{field}' appears to be a JSONPath or intrinsic function, but the \
         field name does not end with '.$'"
    )
}

pub(crate) fn no_path(field: &str) -> String {
    format!(
        "The value of the field '{field}' looks like a path, but the field name does not end with \
         'Path'"
    )
}

pub(crate) fn static_result(field: &str) -> String {
    format!(
        "The field '{field}' in the result of a Pass state is static: its path is not evaluated"
    )
}

pub(crate) fn variable_name(name: &str) -> String {
    format!("The variable name '{name}' is not a valid identifier")
}

/// `name` is assigned in a scope and in one around it.
pub(crate) fn outer_variable(name: &str) -> String {
    format!("The variable '{name}' is already assigned in an outer scope")
}

pub(crate) fn half_open_query(field: &str) -> String {
    format!(
        "The JSONata expression specified for the field '{field}' must start with '{{%' and end \
         with '%}}'"
    )
}

/// An expression that does not compile.
pub(crate) fn invalid_query(field: &str, source: &str, reason: &str) -> String {
    let source = beginning(source, SOURCE_BYTES_MAX);
    format!(
        "The JSONata expression '{source}' specified for the field '{field}' is not valid. \
         {reason}"
    )
}

/// An expression that compiles and must not stand there.
pub(crate) fn refused_query(field: &str, source: &str, reason: &str) -> String {
    let source = beginning(source, SOURCE_BYTES_MAX);
    format!("The JSONata expression '{source}' specified for the field '{field}' {reason}")
}

/// Of a long expression only the beginning is shown, so that the reason behind it is.
const SOURCE_BYTES_MAX: usize = 1_000;

pub(crate) const ROOT_IN_QUERY: &str =
    "uses '$' or '$$' at the top level, use '$states.input' instead";

pub(crate) fn field_in_query(name: &str) -> String {
    format!("uses the field '{name}' at the top level, use '$states.input.{name}' instead")
}

pub(crate) fn misplaced_states(member: &str) -> String {
    format!("uses '$states.{member}', which is not available in this field")
}

pub(crate) fn unknown_states(member: &str) -> String {
    format!(
        "uses '$states.{member}', but the fields of '$states' are input, result, errorOutput and \
         context"
    )
}

// -- Ours ----------------------------------------------------------------------------------------

pub(crate) const DISTRIBUTED_NOT_RUN: &str = "Lockstep does not run a Map whose mode is \
     DISTRIBUTED yet: an execution that comes to it fails";

pub(crate) fn no_effect(field: &str) -> String {
    format!("The field '{field}' has no effect on a Map whose mode is INLINE")
}

pub(crate) fn too_many_patterns(limit: usize) -> String {
    format!(
        "the definition has more than {limit} regular expressions, each of which takes memory for \
         as long as the state machine exists; select with fewer"
    )
}
