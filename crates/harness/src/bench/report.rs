//! The table of what was measured, beside what was wanted.

use std::fmt;

/// A figure and what it may be.
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) measured: f64,
    /// The same on the raw log.
    pub(crate) raw: Option<f64>,
    pub(crate) target: Option<Target>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

/// Figures of one case.
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) rows: Vec<Row>,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>) -> Table {
        Table {
            title: title.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a figure.
    pub(crate) fn row(
        &mut self,
        what: impl Into<String>,
        unit: &'static str,
        measured: f64,
    ) -> &mut Row {
        let what = what.into();
        self.rows.push(Row {
            what,
            unit,
            measured,
            raw: None,
            target: None,
        });
        let last = self.rows.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "INVARIANT: pushed just now")]
        &mut self.rows[last]
    }

    /// How many figures miss their targets.
    pub(crate) fn missed(&self) -> usize {
        self.rows.iter().filter(|row| row.is_missed()).count()
    }
}

impl Row {
    /// The same figure on the raw log.
    pub(crate) fn beside(&mut self, raw: f64) -> &mut Row {
        self.raw = Some(raw);
        self
    }

    pub(crate) fn at_most(&mut self, target: f64) {
        self.target = Some(Target::AtMost(target));
    }

    pub(crate) fn at_least(&mut self, target: f64) {
        self.target = Some(Target::AtLeast(target));
    }

    fn is_missed(&self) -> bool {
        match self.target {
            Some(Target::AtMost(most)) => self.measured > most,
            Some(Target::AtLeast(least)) => self.measured < least,
            None => false,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "\n{}", self.title)?;
        let (measured, raw, target) = ("measured", "raw log", "target");
        writeln!(out, "  {:<52} {measured:>12} {raw:>12}   {target}", "")?;
        for row in &self.rows {
            let raw = row.raw.map(number).unwrap_or_default();
            let what = format!("{}, {}", row.what, row.unit);
            write!(out, "  {what:<52} {:>12} {raw:>12}", number(row.measured))?;
            match row.target {
                Some(Target::AtMost(most)) => write!(out, "   at most {}", number(most))?,
                Some(Target::AtLeast(least)) => write!(out, "   at least {}", number(least))?,
                None => {}
            }
            writeln!(out, "{}", if row.is_missed() { "  MISSED" } else { "" })?;
        }
        Ok(())
    }
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 0.1 => format!("{value:.3}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_what_was_missed() {
        let mut table = Table::new("case");
        table
            .row("CPU each", "µs", 80.04)
            .beside(20.0)
            .at_most(75.0);
        table.row("rate", "/s", 12_345.6).at_least(10_000.0);
        table.row("p99", "ms", 0.034);
        assert_eq!(table.missed(), 1);
        let lines: Vec<String> = table
            .to_string()
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            lines[1..],
            [
                "case",
                "measured raw log target",
                "CPU each, µs 80.0 20.0 at most 75.0 MISSED",
                "rate, /s 12346 at least 10000",
                "p99, ms 0.034",
            ]
        );
    }
}
