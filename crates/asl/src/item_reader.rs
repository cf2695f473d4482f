//! What an ItemReader makes of the text of a file: the items of a distributed Map.
//!
//! ```
//! use asl::item_reader::items;
//! use asl::program::{InputType, ReaderConfig};
//!
//! let config = ReaderConfig { input_type: Some(InputType::Json), ..ReaderConfig::default() };
//! assert_eq!(items(&config, "[1, 2, 3]", 2)?.to_text(), "[1,2]");
//! # Ok::<(), asl::item_reader::ItemReaderError>(())
//! ```

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::Chars;

use json::{ObjectBuilder, Text, Value, View};

use crate::program::{CsvDelimiter, CsvHeaders, InputType, ReaderConfig};

/// The longest header of a CSV file (developer guide, "ItemReader": 10 KiB), in bytes of its names.
const HEADER_BYTES_MAX: usize = 10_240;

/// What the items of a CSV file may take as JSON. Each row has a value for every name of the
/// header, and so a short text could stand for any amount of items; a mebibyte of text whose rows
/// have most of their cells stays far below.
const CSV_ITEMS_BYTES_MAX: usize = 8 << 20;

/// Why a file has no items: the cause of `States.ItemReaderFailed`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemReaderError {
    #[error("Attempting to map over non-iterable node.")]
    NotIterable,
    #[error("CSV headers cannot contain duplicates.")]
    DuplicateHeaders,
    #[error("the CSV headers are longer than {HEADER_BYTES_MAX} bytes; use fewer or shorter names")]
    LongHeader,
    #[error(
        "the rows of the CSV data, with a value for every header, take more than \
         {CSV_ITEMS_BYTES_MAX} bytes; use fewer rows or set MaxItems"
    )]
    TooLarge,
    #[error("the data cannot be parsed as {format}: {problem}")]
    Malformed {
        format: &'static str,
        problem: String,
    },
    #[error("the ItemsPointer `{0}` leads to nothing in the data")]
    NoSuchNode(String),
    #[error("the input type `{0}` is binary or a list of other files, which a text cannot hold")]
    NotText(&'static str),
}

/// The items in the text: an array, or an object whose members are the items. No more than
/// `items_max`.
///
/// # Errors
/// [`ItemReaderError`] if the text is not of the configured type.
pub fn items(
    config: &ReaderConfig,
    text: &str,
    items_max: usize,
) -> Result<Value, ItemReaderError> {
    let items = match config.input_type {
        Some(InputType::Csv) => csv(config, text, items_max)?,
        Some(InputType::JsonLines) => lines(text, items_max)?,
        // Objects of a bucket are listed as JSON.
        Some(InputType::Json) | None => json(config, text)?,
        Some(InputType::Manifest) => return Err(ItemReaderError::NotText("MANIFEST")),
        Some(InputType::Parquet) => return Err(ItemReaderError::NotText("PARQUET")),
    };
    Ok(first(items, items_max))
}

/// The first `items_max` elements of an array, or members of an object.
pub(crate) fn first(items: Value, items_max: usize) -> Value {
    match items.view() {
        View::Array(all) if all.len() > items_max => all.iter().take(items_max).cloned().collect(),
        View::Object(all) if all.len() > items_max => {
            let members = all.members().iter().take(items_max).cloned();
            members.collect::<json::Object>().into()
        }
        _ => items,
    }
}

/// The array or object that the text is, or that the ItemsPointer leads to in it.
fn json(config: &ReaderConfig, text: &str) -> Result<Value, ItemReaderError> {
    let root = parse(text, "JSON")?;
    let node = match &config.items_pointer {
        None => root,
        Some(pointer) => {
            let node = follow(&root, pointer);
            node.ok_or_else(|| ItemReaderError::NoSuchNode(pointer.to_string()))?
        }
    };
    match node.view() {
        View::Array(_) | View::Object(_) => Ok(node),
        _ => Err(ItemReaderError::NotIterable),
    }
}

/// The node that a JSON pointer (RFC 6901) leads to.
fn follow(root: &Value, pointer: &str) -> Option<Value> {
    let mut node = root;
    for step in pointer.split('/').skip(1) {
        let name = step.replace("~1", "/").replace("~0", "~");
        node = match node.view() {
            View::Array(elements) => elements.get(name.parse::<usize>().ok()?)?,
            View::Object(members) => members.get(&name)?,
            _ => return None,
        };
    }
    Some(node.clone())
}

fn lines(text: &str, items_max: usize) -> Result<Value, ItemReaderError> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let lines = lines.take(items_max);
    lines.map(|line| parse(line, "JSONL")).collect()
}

fn parse(text: &str, format: &'static str) -> Result<Value, ItemReaderError> {
    json::parse(text).map_err(|error| ItemReaderError::Malformed {
        format,
        problem: error.message(),
    })
}

/// Rows as objects. Cells that are missing are empty, those beyond the header are dropped; values
/// are strings.
fn csv(config: &ReaderConfig, text: &str, items_max: usize) -> Result<Value, ItemReaderError> {
    let mut rows = Rows {
        rest: text.chars().peekable(),
        delimiter: delimiter(config.csv_delimiter),
    };
    let header: Vec<Text> = match &config.csv_headers {
        Some(CsvHeaders::Given(names)) => names.iter().map(|name| (**name).into()).collect(),
        Some(CsvHeaders::FirstRow) | None => rows.next().unwrap_or_default(),
    };
    if header.iter().map(|name| name.len()).sum::<usize>() > HEADER_BYTES_MAX {
        return Err(ItemReaderError::LongHeader);
    }
    let distinct: BTreeSet<&str> = header.iter().map(Text::as_str).collect();
    if distinct.len() < header.len() {
        return Err(ItemReaderError::DuplicateHeaders);
    }
    let mut bytes = 0;
    let records = rows.take(items_max).map(|row| {
        let record = record(&header, row);
        bytes += record.size();
        match bytes <= CSV_ITEMS_BYTES_MAX {
            true => Ok(record),
            false => Err(ItemReaderError::TooLarge),
        }
    });
    records.collect()
}

fn record(header: &[Text], row: Vec<Text>) -> Value {
    let mut cells = row.into_iter().map(Value::from);
    let empty = Value::from("");
    let mut record = ObjectBuilder::with_capacity(header.len());
    for name in header {
        record.add(name, cells.next().unwrap_or_else(|| empty.clone()));
    }
    record.build().into()
}

fn delimiter(delimiter: CsvDelimiter) -> char {
    match delimiter {
        CsvDelimiter::Comma => ',',
        CsvDelimiter::Pipe => '|',
        CsvDelimiter::Semicolon => ';',
        CsvDelimiter::Space => ' ',
        CsvDelimiter::Tab => '\t',
    }
}

/// The cells of each row (RFC 4180). A backslash escapes itself, a quote and the delimiter, and is
/// dropped before anything else, within quotes or not: the crate `csv` has escapes within quotes
/// only. Empty lines are no rows.
struct Rows<'t> {
    rest: Peekable<Chars<'t>>,
    delimiter: char,
}

impl Iterator for Rows<'_> {
    type Item = Vec<Text>;

    fn next(&mut self) -> Option<Vec<Text>> {
        let (mut row, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
        while let Some(c) = self.rest.next() {
            let next = self.rest.peek().copied();
            match c {
                '\\' => {
                    let escaped = |next| next == '\\' || next == '"' || next == self.delimiter;
                    if next.is_some_and(escaped) {
                        cell.extend(self.rest.next());
                    }
                }
                '"' if is_quoted && next == Some('"') => cell.extend(self.rest.next()),
                '"' => is_quoted = !is_quoted,
                _ if is_quoted => cell.push(c),
                _ if c == self.delimiter => row.push(std::mem::take(&mut cell).into()),
                '\r' if next == Some('\n') => {}
                '\n' if row.is_empty() && cell.is_empty() => {}
                '\n' => break,
                _ => cell.push(c),
            }
        }
        if row.is_empty() && cell.is_empty() {
            return None;
        }
        row.push(cell.into());
        Some(row)
    }
}

#[cfg(test)]
mod tests;
