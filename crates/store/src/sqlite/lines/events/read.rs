//! Reading events by time, of a group or of some of its streams.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, Rows, params};

use super::{COLUMNS, KEPT, NARROW_MS_MAX, damaged, stored};
use crate::events::{Bound, Candidates, Found, Page, SPAN_MS_MAX, Scope, StreamId, Streams};
use crate::lines::{Order, Place};

/// Rows that one read passes at most, most of them in an index only; some ten milliseconds.
const ROWS_MAX: usize = 20_000;

/// Bytes of events that one read unpacks at most: some full pages.
const UNPACKED_BYTES_MAX: u64 = 8 << 20;

/// A read under way.
pub(super) struct Read<'a> {
    scope: &'a Scope<'a>,
    places: Range<Place>,
    order: Order,
    /// Bytes of events looked at.
    unpacked: u64,
    /// The names of streams met so far; `None` for those that aren't asked for.
    names: HashMap<StreamId, Option<Arc<str>>>,
    candidates: Candidates,
}

/// What an index says of a row.
#[derive(Clone, Copy, Debug)]
struct Header {
    first_ms: i64,
    last_ms: i64,
    stream: StreamId,
    number: u64,
}

/// Rows of one width, in the order of the read.
struct Width<'s> {
    rows: Rows<'s>,
    span_ms: i64,
    head: Option<Header>,
}

impl Width<'_> {
    /// No event of this row or of those after it lies before this, oldest first, or behind this,
    /// newest first.
    fn edge(&self, order: Order) -> Option<i64> {
        let head = self.head?;
        Some(match order {
            Order::OldestFirst => head.first_ms,
            Order::NewestFirst => head.first_ms.saturating_add(self.span_ms),
        })
    }

    fn advance(&mut self) -> rusqlite::Result<()> {
        let header = |row: &Row<'_>| -> rusqlite::Result<Header> {
            Ok(Header {
                first_ms: row.get(0)?,
                last_ms: row.get(1)?,
                stream: StreamId(row.get(2)?),
                number: row.get(3)?,
            })
        };
        self.head = self.rows.next()?.map(header).transpose()?;
        Ok(())
    }
}

impl<'a> Read<'a> {
    pub(super) fn new(
        scope: &'a Scope<'a>,
        places: Range<Place>,
        order: Order,
        bound: Bound,
    ) -> Read<'a> {
        Read {
            scope,
            candidates: Candidates::new(places.clone(), order, bound),
            places,
            order,
            unpacked: 0,
            names: HashMap::new(),
        }
    }

    /// The page, or what is damaged.
    pub(super) fn page(
        mut self,
        connection: &Connection,
    ) -> rusqlite::Result<std::result::Result<Page, String>> {
        let mut narrow = connection.prepare_cached(&query(self.scope, self.order, false))?;
        let mut wide = connection.prepare_cached(&query(self.scope, self.order, true))?;
        let mut widths = [
            self.width(narrow.query(self.key(NARROW_MS_MAX))?, NARROW_MS_MAX)?,
            self.width(wide.query(self.key(SPAN_MS_MAX))?, SPAN_MS_MAX)?,
        ];
        let mut passed = 0;
        while let Some((edge, header)) = next(&mut widths, self.order)? {
            // What the rows from here on can hold.
            let (from_ms, until_ms, seen_ms) = match self.order {
                Order::OldestFirst => (edge, i64::MAX, edge),
                Order::NewestFirst => (i64::MIN, edge, edge.saturating_add(1)),
            };
            if !self.candidates.wants_any(from_ms, until_ms) {
                break;
            }
            let is_enough = passed >= ROWS_MAX || self.unpacked >= UNPACKED_BYTES_MAX;
            if is_enough && let Some(next) = self.candidates.stop_at(seen_ms) {
                return Ok(Ok(self.candidates.into_page(Some(next))));
            }
            passed += 1;
            if let Err(damaged) = self.look_at(connection, header)? {
                return Ok(Err(damaged));
            }
        }
        Ok(Ok(self.candidates.into_page(None)))
    }

    /// What [`query`] asks for.
    fn key(&self, span_ms: i64) -> [i64; 4] {
        let of = match self.scope.streams {
            Streams::One(stream) => stream.0,
            _ => self.scope.group.0,
        };
        let (start, end) = (self.places.start.time_ms, self.places.end.time_ms);
        [of.cast_signed(), start.saturating_sub(span_ms), end, start]
    }

    fn width<'s>(&self, rows: Rows<'s>, span_ms: i64) -> rusqlite::Result<Width<'s>> {
        let mut width = Width {
            rows,
            span_ms,
            head: None,
        };
        width.advance()?;
        Ok(width)
    }

    /// Takes what is wanted of a row; an error says that it is damaged.
    fn look_at(
        &mut self,
        connection: &Connection,
        header: Header,
    ) -> rusqlite::Result<std::result::Result<(), String>> {
        if !self.candidates.wants_any(header.first_ms, header.last_ms) {
            return Ok(Ok(()));
        }
        let Some(name) = self.name(connection, header.stream)? else {
            return Ok(Ok(()));
        };
        let query = format!("SELECT {COLUMNS} FROM log_events WHERE number = ?1");
        let mut statement = connection.prepare_cached(&query)?;
        let row = statement.query_row([header.number], stored)?;
        let Some(events) = row.events() else {
            return Ok(Err(damaged(header.number, &name)));
        };
        self.unpacked += row.key.size;
        for (event, number) in events.into_iter().zip(header.number..) {
            let place = Place {
                time_ms: event.time_ms,
                number,
            };
            if self.candidates.wants(place) {
                self.candidates.add(Found {
                    place,
                    stream: Arc::clone(&name),
                    ingested_ms: row.key.ingested_ms,
                    message: event.message,
                });
            }
        }
        Ok(Ok(()))
    }

    /// The name of a stream that is asked for and wasn't dropped.
    fn name(
        &mut self,
        connection: &Connection,
        stream: StreamId,
    ) -> rusqlite::Result<Option<Arc<str>>> {
        if let Some(known) = self.names.get(&stream) {
            return Ok(known.clone());
        }
        let is_asked_for = match self.scope.streams {
            Streams::Of(streams) => streams.contains(&stream),
            _ => true,
        };
        let query = "SELECT name FROM log_streams JOIN log_groups
                         ON log_groups.number = group_number
                     WHERE log_streams.number = ?1 AND group_number = ?2
                         AND log_streams.state = ?3 AND log_groups.state = ?3";
        let mut name: Option<Arc<str>> = None;
        if is_asked_for {
            let mut statement = connection.prepare_cached(query)?;
            let key = params![stream.0, self.scope.group.0, KEPT];
            name = statement.query_row(key, |row| row.get(0)).optional()?;
        }
        if let Streams::Prefixed(prefix) = self.scope.streams {
            name = name.filter(|name| name.starts_with(prefix));
        }
        self.names.insert(stream, name.clone());
        Ok(name)
    }
}

/// The rows of a width that a read may want.
pub(super) fn query(scope: &Scope<'_>, order: Order, is_wide: bool) -> String {
    let of = match scope.streams {
        Streams::One(_) => "stream",
        _ => "group_number",
    };
    let direction = match order {
        Order::OldestFirst => "ASC",
        Order::NewestFirst => "DESC",
    };
    let is_wide = u8::from(is_wide);
    format!(
        "SELECT first_ms, last_ms, stream, number FROM log_events
         WHERE {of} = ?1 AND is_wide = {is_wide} AND first_ms BETWEEN ?2 AND ?3 AND last_ms >= ?4
         ORDER BY first_ms {direction}"
    )
}

/// The next row of all widths, and its edge.
fn next(widths: &mut [Width<'_>], order: Order) -> rusqlite::Result<Option<(i64, Header)>> {
    let heads = widths.iter_mut();
    let heads = heads.filter_map(|width| Some((width.edge(order)?, width)));
    let first = match order {
        Order::OldestFirst => heads.min_by_key(|(edge, _)| *edge),
        Order::NewestFirst => heads.max_by_key(|(edge, _)| *edge),
    };
    let Some((edge, width)) = first else {
        return Ok(None);
    };
    let header = width.head;
    width.advance()?;
    Ok(header.map(|header| (edge, header)))
}
