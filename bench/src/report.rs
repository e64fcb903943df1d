//! Owns what a run found and how it is shown: one line a measurement while it runs, one table at the
//! end, the same as Markdown.

use comfy_table::{CellAlignment, Table, TableStyle, presets};
use hdrhistogram::Histogram;

use crate::machine::Machine;
use crate::procfs::Resident;
use crate::targets::{Findings, Target};

const ABSENT: &str = "-";
const HEADER: [&str; 13] = [
    "measure", "conns", "rate/s", "of floor", "p50 ms", "p99 ms", "p99.9 ms", "cores", "others", "RSS MB", "peak MB",
    "errors", "note",
];
/// The columns that hold text; all others hold numbers.
const TEXT_COLUMNS: [usize; 2] = [0, 12];

/// Quantiles of a latency, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Latency {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
}

impl From<&Histogram<u64>> for Latency {
    fn from(nanos: &Histogram<u64>) -> Self {
        let at = |quantile| nanos.value_at_quantile(quantile) as f64 / 1e6;
        Latency { p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999) }
    }
}

/// One measurement as a row; what does not apply stays empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) measure: String,
    pub(crate) connections: Option<usize>,
    pub(crate) rate: Option<f64>,
    pub(crate) of_floor: Option<f64>,
    pub(crate) latency: Option<Latency>,
    pub(crate) server_cores: Option<f64>,
    pub(crate) other_cores: Option<f64>,
    pub(crate) resident: Option<Resident>,
    pub(crate) errors: Option<u64>,
    pub(crate) first_error: Option<String>,
    pub(crate) note: String,
}

impl Row {
    fn cells(&self) -> [String; 13] {
        let latency = |quantile: fn(&Latency) -> f64| shown(self.latency.as_ref().map(quantile), millis);
        let resident = |part: fn(&Resident) -> u64| shown(self.resident.as_ref().map(part), megabytes);
        [
            self.measure.clone(),
            shown(self.connections, |count| count.to_string()),
            shown(self.rate, |rate| format!("{rate:.0}")),
            shown(self.of_floor, |ratio| format!("{ratio:.2}")),
            latency(|latency| latency.p50_ms),
            latency(|latency| latency.p99_ms),
            latency(|latency| latency.p999_ms),
            shown(self.server_cores, |cores| format!("{cores:.2}")),
            shown(self.other_cores, |cores| format!("{cores:.2}")),
            resident(|resident| resident.now_kib),
            resident(|resident| resident.peak_kib),
            shown(self.errors, |errors| errors.to_string()),
            self.note.clone(),
        ]
    }

    /// The row as one line: its filled cells with their names.
    fn line(&self) -> String {
        let cells = self.cells();
        let filled = cells.iter().zip(HEADER).skip(1).filter(|(cell, _)| !cell.is_empty() && *cell != ABSENT);
        let rest: Vec<String> = filled.map(|(cell, name)| format!("{name} {cell}")).collect();
        format!("{}: {}", self.measure, rest.join(", "))
    }
}

/// All that a run found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    failures: Vec<String>,
    pub(crate) findings: Findings,
}

impl Report {
    /// Takes a row about the server and tells of it.
    pub(crate) fn push(&mut self, row: Row) {
        if let Some(resident) = row.resident {
            self.findings.saw_peak(resident.peak_kib);
        }
        self.push_floor(row);
    }

    /// Takes a row about the floor and tells of it.
    pub(crate) fn push_floor(&mut self, row: Row) {
        eprintln!("{}", row.line());
        if let Some(error) = &row.first_error {
            eprintln!("  first error: {error}");
        }
        self.rows.push(row);
    }

    /// Takes the reason why a section is not complete.
    pub(crate) fn fail(&mut self, section: &str, error: &anyhow::Error) {
        let text = format!("{section}: {error:#}");
        eprintln!("{text}");
        self.failures.push(text);
    }

    /// Whether every answer was a 2xx and every section complete.
    pub(crate) fn is_clean(&self) -> bool {
        self.failures.is_empty() && self.rows.iter().all(|row| row.errors.unwrap_or(0) == 0)
    }

    /// The report for a terminal.
    pub(crate) fn text(&self, machine: &Machine) -> String {
        let facts: String = machine.facts().iter().map(|(name, fact)| format!("{name}: {fact}\n")).collect();
        format!("{facts}{}", self.sections(presets::ASCII_FULL_CONDENSED, "\ntargets\n", "\nincomplete\n"))
    }

    /// The report for a page of documentation.
    pub(crate) fn markdown(&self, machine: &Machine) -> String {
        let facts: String = machine.facts().iter().map(|(name, fact)| format!("- {name}: {fact}\n")).collect();
        let sections = self.sections(presets::ASCII_MARKDOWN, "\n## Targets\n\n", "\n## Incomplete\n\n");
        format!("# Benchmarks\n\n{LEGEND}\n\n## Machine\n\n{facts}\n## Measures\n\n{sections}")
    }

    fn sections(&self, style: TableStyle, targets: &str, incomplete: &str) -> String {
        let mut measures = Table::new();
        measures.load_style(style).set_header(HEADER);
        for row in &self.rows {
            measures.add_row(row.cells());
        }
        for column in (0..HEADER.len()).filter(|column| !TEXT_COLUMNS.contains(column)) {
            if let Some(column) = measures.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut judged = Table::new();
        judged.load_style(style).set_header(["target", "bound", "measured", "verdict"]);
        for Target { measure, bound, measured, verdict } in self.findings.targets() {
            judged.add_row([measure, bound, measured, verdict.name().to_owned()]);
        }
        let mut text = format!("{measures}\n{targets}{judged}\n");
        if !self.failures.is_empty() {
            text += incomplete;
            text.extend(self.failures.iter().map(|failure| format!("- {}\n", failure.replace('\n', "\n  "))));
        }
        text
    }
}

const LEGEND: &str = "\
`of floor` is the rate relative to a handler on the same HTTP library that reads the body and answers a fixed \
promise, under the same load just before. `cores` is what the server used, `others` what neither server nor load \
generator used: a machine that is busy with other work shows there. `peak` is the highest resident memory during the \
measure. A rate of create+resolve is in pairs.";

fn shown<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| ABSENT.to_owned(), show)
}

fn millis(value: f64) -> String {
    match value {
        small if small < 10.0 => format!("{small:.2}"),
        large => format!("{large:.1}"),
    }
}

fn megabytes(kib: u64) -> String {
    format!("{:.1}", kib as f64 * 1024.0 / 1e6)
}

/// A count in a short form.
pub(crate) fn rounded(count: u64) -> String {
    match count {
        small if small < 10_000 => small.to_string(),
        thousands if thousands < 1_000_000 => format!("{}k", thousands / 1_000),
        millions if millions % 1_000_000 < 100_000 => format!("{}M", millions / 1_000_000),
        millions => format!("{}.{}M", millions / 1_000_000, millions % 1_000_000 / 100_000),
    }
}

/// One rate relative to another; none when there is nothing to relate to.
pub(crate) fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            measure: "create".to_owned(),
            connections: Some(256),
            rate: Some(24_100.4),
            of_floor: ratio(1.0, 2.0),
            latency: Some(Latency { p50_ms: 1.234, p99_ms: 12.34, p999_ms: 20.0 }),
            errors: Some(0),
            ..Row::default()
        }
    }

    #[test]
    fn a_ratio_to_nothing_is_absent() {
        assert_eq!(ratio(1.0, 4.0), Some(0.25));
        assert_eq!(ratio(1.0, 0.0), None);
    }

    #[test]
    fn a_count_is_shown_in_thousands_or_millions() {
        let shown = [0, 9_999, 100_000, 1_000_000, 1_263_000, 10_000_000].map(rounded);
        assert_eq!(shown, ["0", "9999", "100k", "1M", "1.2M", "10M"]);
    }

    #[test]
    fn a_row_shows_what_it_has_and_a_dash_for_the_rest() {
        let cells = row().cells();
        assert_eq!(cells[..8], ["create", "256", "24100", "0.50", "1.23", "12.3", "20.0", "-"].map(str::to_owned));
        assert!(row().line().starts_with("create: conns 256, rate/s 24100, of floor 0.50, p50 ms 1.23"));
    }

    #[test]
    fn every_line_of_the_table_has_the_same_columns() {
        let mut report = Report::default();
        report.push(row());
        report.push(Row { measure: "idle".to_owned(), ..Row::default() });
        let text = report.sections(presets::ASCII_MARKDOWN, "\n", "\n");
        let widths: Vec<usize> =
            text.lines().take_while(|line| !line.is_empty()).map(|line| line.matches('|').count()).collect();
        assert_eq!(widths, [14, 14, 14, 14]);
        assert!(report.is_clean());
    }

    #[test]
    fn errors_and_incomplete_sections_are_not_clean() {
        let mut report = Report::default();
        report.push(Row { errors: Some(1), ..row() });
        assert!(!report.is_clean());
        let mut report = Report::default();
        report.fail("growth", &anyhow::anyhow!("no room"));
        assert!(!report.is_clean());
    }
}
