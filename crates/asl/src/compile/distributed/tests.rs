use super::*;
use crate::compile::compile as compile_definition;
use crate::definition::testing::TestCatalogue;
use crate::program::{Dynamic, Map, Program, StateKind};

/// A distributed Map `M` with these fields.
fn program(language: &str, fields: &str) -> Program {
    let text = format!(
        r#"{{"QueryLanguage":"{language}","StartAt":"M","States":{{"M":{{"Type":"Map","End":true,
            "ItemProcessor":{{"ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"}},
                "StartAt":"A","States":{{"A":{{"Type":"Pass","End":true}}}}}},{fields}}}}}}}"#
    );
    let compiled = compile_definition(&text, MachineType::Standard, &TestCatalogue);
    compiled
        .program
        .unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

fn map(program: &Program) -> (&Map, &Distributed) {
    match &program.states[0].kind {
        StateKind::Map(map) => (
            &**map,
            map.distributed.as_deref().expect("a distributed Map"),
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_written_is_in_the_program() {
    let program = program(
        "JSONPath",
        r#""Label":"l","ToleratedFailureCount":3,"ToleratedFailurePercentage":1.5,
        "ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b"},
            "ReaderConfig":{"InputType":"CSV","CSVHeaderLocation":"GIVEN","CSVHeaders":["x","y"],
                "CSVDelimiter":"TAB","MaxItems":7,"ItemsPointer":"/a"}},
        "ItemBatcher":{"MaxItemsPerBatch":2,"MaxInputBytesPerBatch":100,"BatchInput":{"k":1}},
        "ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b"},
            "WriterConfig":{"Transformation":"FLATTEN","OutputType":"JSONL"}}"#,
    );
    let (map, distributed) = map(&program);
    assert!(matches!(map.tolerance.count, Some(Dynamic::Literal(3))));
    assert!(matches!(map.tolerance.percentage, Some(Dynamic::Literal(p)) if p > 1.4 && p < 1.6));
    assert!(map.has_reader());
    assert_eq!(distributed.execution_type, MachineType::Express);
    assert_eq!(distributed.label.as_deref(), Some("l"));
    let reader = distributed.item_reader.as_ref().expect("a reader");
    assert_eq!(reader.resource, ReaderResource::GetObject);
    assert!(reader.arguments.is_some());
    let config = &reader.config;
    assert_eq!(config.input_type, Some(InputType::Csv));
    let names = ["x".into(), "y".into()];
    assert_eq!(config.csv_headers, Some(CsvHeaders::Given(names.into())));
    assert_eq!(config.csv_delimiter, CsvDelimiter::Tab);
    assert!(matches!(config.max_items, Some(Dynamic::Literal(7))));
    assert_eq!(config.items_pointer.as_deref(), Some("/a"));
    let batcher = distributed.item_batcher.as_ref().expect("a batcher");
    assert!(matches!(
        batcher.max_items_per_batch,
        Some(Dynamic::Literal(2))
    ));
    assert!(matches!(
        batcher.max_input_bytes_per_batch,
        Some(Dynamic::Literal(100))
    ));
    assert!(batcher.batch_input.is_some());
    let writer = distributed.result_writer.as_ref().expect("a writer");
    assert!(writer.exports && writer.arguments.is_some() && writer.json_lines);
    assert_eq!(writer.transformation, Some(Transformation::Flatten));
}

#[test]
fn listings_and_manifests() {
    let reader = |fields: &str| {
        let program = program("JSONata", &format!(r#""ItemReader":{{{fields}}}"#));
        let (_, distributed) = map(&program);
        let reader = distributed.item_reader.as_ref().expect("a reader");
        let config = &reader.config;
        (
            reader.resource,
            config.input_type,
            config.manifest_type,
            config.loads_objects,
        )
    };
    let list = r#""Resource":"arn:aws:states:::s3:listObjectsV2""#;
    let get = r#""Resource":"arn:aws:states:::s3:getObject""#;
    let with = |resource: &str, config: &str| format!(r#"{resource},"ReaderConfig":{{{config}}}"#);
    let found = reader(list);
    assert_eq!(found, (ReaderResource::ListObjects, None, None, false));
    let found = reader(&with(
        list,
        r#""InputType":"PARQUET","Transformation":"LOAD_AND_FLATTEN""#,
    ));
    assert_eq!(
        found,
        (
            ReaderResource::ListObjects,
            Some(InputType::Parquet),
            None,
            true
        )
    );
    let found = reader(&with(get, r#""ManifestType":"S3_INVENTORY""#));
    let inventory = Some(ManifestType::S3Inventory);
    assert_eq!(found, (ReaderResource::GetObject, None, inventory, false));
    let found = reader(&with(
        get,
        r#""ManifestType":"ATHENA_DATA","InputType":"JSONL""#,
    ));
    let unload = Some(ManifestType::AthenaData);
    assert_eq!(
        found,
        (
            ReaderResource::GetObject,
            Some(InputType::JsonLines),
            unload,
            false
        )
    );
}

/// The states that read variables, and which.
#[track_caller]
fn check_references(language: &str, fields: &str, expected: &[&str]) {
    let program = program(language, fields);
    let found: Vec<_> = program
        .variable_references
        .iter()
        .flat_map(|(_, names)| names)
        .collect();
    let found: Vec<_> = found.into_iter().map(|name| &**name).collect();
    assert_eq!(found, expected, "{fields}");
}

#[test]
fn variables_of_every_field_are_seen() {
    check_references(
        "JSONPath",
        r#""ToleratedFailureCountPath":"$a","ToleratedFailurePercentagePath":"$b",
        "ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Key.$":"$c"},
            "ReaderConfig":{"InputType":"JSON","MaxItemsPath":"$d"}},
        "ItemBatcher":{"MaxItemsPerBatchPath":"$e","MaxInputBytesPerBatchPath":"$f",
            "BatchInput":{"k.$":"$g"}},
        "ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket.$":"$h"}}"#,
        &["a", "b", "c", "d", "e", "f", "g", "h"],
    );
    check_references(
        "JSONata",
        r#""ToleratedFailureCount":"{% $a %}","ToleratedFailurePercentage":"{% $b %}",
        "ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Arguments":{"Key":"{% $c %}"},
            "ReaderConfig":{"InputType":"JSON","MaxItems":"{% $d %}"}},
        "ItemBatcher":{"MaxItemsPerBatch":"{% $e %}","MaxInputBytesPerBatch":"{% $f %}",
            "BatchInput":"{% $g %}"},
        "ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Arguments":"{% $h %}"}"#,
        &["a", "b", "c", "d", "e", "f", "g", "h"],
    );
}
