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

use json::{ObjectBuilder, Value, View};

use crate::program::{CsvDelimiter, CsvHeaders, InputType, ReaderConfig};

/// Why a file has no items: the cause of `States.ItemReaderFailed`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemReaderError {
    #[error("Attempting to map over non-iterable node.")]
    NotIterable,
    #[error("CSV headers cannot contain duplicates.")]
    DuplicateHeaders,
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
        Some(InputType::Csv) => csv(config, text)?,
        Some(InputType::JsonLines) => lines(text)?,
        // Objects of a bucket are listed as JSON.
        Some(InputType::Json) | None => json(config, text)?,
        Some(InputType::Manifest) => return Err(ItemReaderError::NotText("MANIFEST")),
        Some(InputType::Parquet) => return Err(ItemReaderError::NotText("PARQUET")),
    };
    Ok(match items.view() {
        View::Array(all) if all.len() > items_max => all.iter().take(items_max).cloned().collect(),
        View::Object(all) if all.len() > items_max => {
            let members = all.members().iter().take(items_max).cloned();
            members.collect::<json::Object>().into()
        }
        _ => items,
    })
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

fn lines(text: &str) -> Result<Value, ItemReaderError> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
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
fn csv(config: &ReaderConfig, text: &str) -> Result<Value, ItemReaderError> {
    let mut rows = rows(text, delimiter(config.csv_delimiter)).into_iter();
    let header: Vec<String> = match &config.csv_headers {
        Some(CsvHeaders::Given(names)) => names.iter().map(ToString::to_string).collect(),
        Some(CsvHeaders::FirstRow) | None => rows.next().unwrap_or_default(),
    };
    let distinct: BTreeSet<&String> = header.iter().collect();
    if distinct.len() < header.len() {
        return Err(ItemReaderError::DuplicateHeaders);
    }
    Ok(rows.map(|row| record(&header, row)).collect())
}

fn record(header: &[String], row: Vec<String>) -> Value {
    let mut cells = row.into_iter();
    let mut record = ObjectBuilder::with_capacity(header.len());
    for name in header {
        record.add(name.as_str(), cells.next().unwrap_or_default());
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
/// dropped before anything else. Empty lines are no rows.
fn rows(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let (mut row, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        match c {
            '\\' => {
                if next.is_some_and(|next| next == '\\' || next == '"' || next == delimiter) {
                    cell.extend(rest.next());
                }
            }
            '"' if is_quoted && next == Some('"') => cell.extend(rest.next()),
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => cell.push(c),
            _ if c == delimiter => row.push(std::mem::take(&mut cell)),
            '\r' if next == Some('\n') => {}
            '\n' => end_row(&mut rows, &mut row, &mut cell),
            _ => cell.push(c),
        }
    }
    end_row(&mut rows, &mut row, &mut cell);
    rows
}

fn end_row(rows: &mut Vec<Vec<String>>, row: &mut Vec<String>, cell: &mut String) {
    if row.is_empty() && cell.is_empty() {
        return;
    }
    row.push(std::mem::take(cell));
    rows.push(std::mem::take(row));
}

#[cfg(test)]
mod tests;
