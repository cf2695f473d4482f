//! What a distributed Map has beyond an inline one: where its items come from, how they are
//! batched, and where the results go.

use json::Object;

use super::Context;
use crate::definition::MachineType;
use crate::event::Text;
use crate::program::{
    CsvDelimiter, CsvHeaders, Distributed, Flow, InputType, ItemBatcher, ItemReader, ManifestType,
    ReaderConfig, ReaderResource, ResultWriter, Transformation,
};
use crate::template::Template;
use crate::validate::fields::{self, Fields};
use crate::validate::place::Place;
use crate::validate::queries::Setting;
use crate::validate::schema::{Language, Schema};
use crate::validate::table::{
    ITEM_BATCHER, ITEM_READER, READER_CONFIG, RESULT_WRITER, WRITER_CONFIG,
};
use crate::validate::{lint, message};

/// Looks at the ProcessorConfig at `place`, whose Mode is DISTRIBUTED: the ExecutionType.
pub(super) fn mode(
    config: &Fields<'_>,
    place: &Place<'_>,
    context: &mut Context<'_, '_>,
) -> MachineType {
    if !config.contains("ExecutionType") {
        context.error(message::required(&["ExecutionType"]), place);
    }
    let at = place.member("Mode");
    match context.machine {
        MachineType::Express => context.error(message::EXPRESS_DISTRIBUTED.to_owned(), &at),
        MachineType::Standard => lint::distributed(&at, context.report),
    }
    match config.text("ExecutionType") {
        Some("EXPRESS") => MachineType::Express,
        _ => MachineType::Standard,
    }
}

/// Compiles the fields of the Map at `place` that an inline one does not have. `None` has been
/// reported.
pub(super) fn compile<'a>(
    fields: &mut Fields<'a>,
    execution_type: MachineType,
    flow: &Flow,
    place: &Place<'_>,
    context: &mut Context<'_, 'a>,
) -> Option<Distributed> {
    let label = fields.text("Label");
    if let Some(label) = label.filter(|label| !context.bodies.labels.insert(label)) {
        let message = message::duplicate_label(label);
        let at = place.member("Label");
        context.report.error(message::DUPLICATE_LABEL, message, &at);
    }
    let reading = Reading::of(flow);
    let reader = fields.object("ItemReader");
    let batcher = fields.object("ItemBatcher");
    let writer = fields.object("ResultWriter");
    let reader =
        reader.map(|reader| item_reader(reader, reading, &place.member("ItemReader"), context));
    let batcher = batcher
        .map(|batcher| item_batcher(batcher, reading, &place.member("ItemBatcher"), context));
    let writer =
        writer.map(|writer| result_writer(writer, reading, &place.member("ResultWriter"), context));
    Some(Distributed {
        execution_type,
        label: label.map(Text::from),
        item_reader: reader.map_or(Some(None), |reader| reader.map(Some))?,
        item_batcher: batcher,
        result_writer: writer,
    })
}

/// How the parts of a state are read: in its query language.
#[derive(Clone, Copy)]
struct Reading {
    language: Language,
    /// The field with what S3 is asked for.
    arguments: &'static str,
}

impl Reading {
    fn of(flow: &Flow) -> Reading {
        let (language, arguments) = match flow {
            Flow::Paths(_) => (Language::JsonPath, "Parameters"),
            Flow::Queries(_) => (Language::Jsonata, "Arguments"),
        };
        Reading {
            language,
            arguments,
        }
    }

    fn read<'a>(
        self,
        schema: &'static Schema,
        object: &'a Object,
        place: &Place<'_>,
        context: &mut Context<'_, '_>,
    ) -> Fields<'a> {
        let setting = Setting::new(self.language);
        fields::read(schema, setting, object, place, context.report)
    }

    fn take_arguments(self, fields: &mut Fields<'_>) -> Option<Template> {
        fields.take_template(self.arguments)
    }
}

/// The action of a resource `arn:<partition>:states:::s3:<action>`; none of another resource.
fn s3_action(resource: &str) -> Option<&str> {
    let (partition, action) = resource.strip_prefix("arn:")?.split_once(":states:::s3:")?;
    matches!(partition, "aws" | "aws-cn" | "aws-us-gov").then_some(action)
}

fn item_reader<'a>(
    object: &'a Object,
    reading: Reading,
    place: &Place<'_>,
    context: &mut Context<'_, 'a>,
) -> Option<ItemReader> {
    let mut fields = reading.read(&ITEM_READER, object, place, context);
    let name = fields.text("Resource");
    let resource = match name.and_then(s3_action) {
        Some("getObject") => Some(ReaderResource::GetObject),
        Some("listObjectsV2") => Some(ReaderResource::ListObjects),
        _ => None,
    };
    if let Some(name) = name.filter(|_| resource.is_none()) {
        context.error(message::unknown_resource(name), &place.member("Resource"));
    }
    let config_place = place.member("ReaderConfig");
    let config = fields.object("ReaderConfig").map(|config| {
        let mut fields = reading.read(&READER_CONFIG, config, &config_place, context);
        let reads_file = resource == Some(ReaderResource::GetObject);
        check_config(&fields, reads_file, &config_place, context);
        reader_config(&mut fields)
    });
    if config.is_none() && resource == Some(ReaderResource::GetObject) {
        context.error(message::required(&["ReaderConfig"]), place);
    }
    Some(ItemReader {
        resource: resource?,
        arguments: reading.take_arguments(&mut fields),
        config: config.unwrap_or_default(),
    })
}

/// Which fields of a ReaderConfig go together. (Developer guide, "ItemReader")
fn check_config(
    fields: &Fields<'_>,
    reads_file: bool,
    place: &Place<'_>,
    context: &mut Context<'_, '_>,
) {
    let input_type = fields.text("InputType");
    let manifest = fields.text("ManifestType");
    let loads_objects = fields.text("Transformation") == Some("LOAD_AND_FLATTEN");
    let is_inventory = manifest == Some("S3_INVENTORY");
    let mut missing = Vec::new();
    if (reads_file || loads_objects) && !is_inventory && !fields.contains("InputType") {
        missing.push("InputType");
    }
    // The files of an UNLOAD have no row of names.
    if input_type == Some("CSV") && manifest.is_none() && !fields.contains("CSVHeaderLocation") {
        missing.push("CSVHeaderLocation");
    }
    if fields.text("CSVHeaderLocation") == Some("GIVEN") && !fields.contains("CSVHeaders") {
        missing.push("CSVHeaders");
    }
    if !missing.is_empty() {
        context.error(message::required(&missing), place);
    }
    if is_inventory && fields.contains("InputType") {
        let message = message::unsupported_with("InputType", "ManifestType", "S3_INVENTORY");
        let at = place.member("InputType");
        context
            .report
            .error_within(message::SCHEMA, message, place, &at);
    }
}

fn reader_config(fields: &mut Fields<'_>) -> ReaderConfig {
    let given = fields.names("CSVHeaders");
    ReaderConfig {
        input_type: fields.text("InputType").and_then(|name| match name {
            "CSV" => Some(InputType::Csv),
            "JSON" => Some(InputType::Json),
            "JSONL" => Some(InputType::JsonLines),
            "MANIFEST" => Some(InputType::Manifest),
            "PARQUET" => Some(InputType::Parquet),
            _ => None,
        }),
        csv_headers: match fields.text("CSVHeaderLocation") {
            Some("FIRST_ROW") => Some(CsvHeaders::FirstRow),
            Some("GIVEN") => given.map(|names| CsvHeaders::Given(names.iter().cloned().collect())),
            _ => None,
        },
        csv_delimiter: match fields.text("CSVDelimiter") {
            Some("PIPE") => CsvDelimiter::Pipe,
            Some("SEMICOLON") => CsvDelimiter::Semicolon,
            Some("SPACE") => CsvDelimiter::Space,
            Some("TAB") => CsvDelimiter::Tab,
            _ => CsvDelimiter::Comma,
        },
        items_pointer: fields.text("ItemsPointer").map(Text::from),
        max_items: fields.take_integer("MaxItems", "MaxItemsPath"),
        manifest_type: fields.text("ManifestType").and_then(|name| match name {
            "ATHENA_DATA" => Some(ManifestType::AthenaData),
            "S3_INVENTORY" => Some(ManifestType::S3Inventory),
            _ => None,
        }),
        loads_objects: fields.text("Transformation") == Some("LOAD_AND_FLATTEN"),
    }
}

fn item_batcher<'a>(
    object: &'a Object,
    reading: Reading,
    place: &Place<'_>,
    context: &mut Context<'_, 'a>,
) -> ItemBatcher {
    let mut fields = reading.read(&ITEM_BATCHER, object, place, context);
    let limits: &[&str] = match reading.language {
        Language::JsonPath => &[
            "MaxItemsPerBatch",
            "MaxItemsPerBatchPath",
            "MaxInputBytesPerBatch",
            "MaxInputBytesPerBatchPath",
        ],
        Language::Jsonata => &["MaxItemsPerBatch", "MaxInputBytesPerBatch"],
    };
    if !limits.iter().any(|name| object.contains_key(name)) {
        context.error(message::one_required(limits), place);
    }
    ItemBatcher {
        max_items_per_batch: fields.take_integer("MaxItemsPerBatch", "MaxItemsPerBatchPath"),
        max_input_bytes_per_batch: fields
            .take_integer("MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"),
        batch_input: fields.take_template("BatchInput"),
    }
}

fn result_writer<'a>(
    object: &'a Object,
    reading: Reading,
    place: &Place<'_>,
    context: &mut Context<'_, 'a>,
) -> ResultWriter {
    let mut fields = reading.read(&RESULT_WRITER, object, place, context);
    let has_arguments = object.contains_key(reading.arguments);
    let has_resource = object.contains_key("Resource");
    if !has_resource && has_arguments {
        context.error(message::required(&["Resource"]), place);
    } else if has_resource && !has_arguments {
        context.error(message::required(&[reading.arguments]), place);
    } else if !has_resource && !object.contains_key("WriterConfig") {
        let names = ["WriterConfig", "Resource"];
        context.error(message::one_required(&names), place);
    }
    let resource = fields.text("Resource");
    if let Some(name) = resource.filter(|name| s3_action(name) != Some("putObject")) {
        context.error(message::unknown_resource(name), &place.member("Resource"));
    }
    let config_place = place.member("WriterConfig");
    let config = fields.object("WriterConfig");
    let config = config
        .map(|config| reading.read(&WRITER_CONFIG, config, &config_place, context))
        .unwrap_or_default();
    ResultWriter {
        exports: resource.is_some(),
        arguments: reading.take_arguments(&mut fields),
        transformation: config.text("Transformation").and_then(|name| match name {
            "NONE" => Some(Transformation::None),
            "COMPACT" => Some(Transformation::Compact),
            "FLATTEN" => Some(Transformation::Flatten),
            _ => None,
        }),
        json_lines: config.text("OutputType") == Some("JSONL"),
    }
}

#[cfg(test)]
mod tests;
