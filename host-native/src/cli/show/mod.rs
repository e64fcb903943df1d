//! How answers look to people: colours on a terminal, plain text in a pipe. Knows no server.

mod fit;
mod payload;
mod promise;
mod schedule;
mod task;
mod time;
mod tree;

use std::fmt::Display;
use std::io::IsTerminal;

use clap::builder::styling::{AnsiColor, Style};
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use resonate_core::promise::{PromiseState, Tags};
use resonate_core::task::TaskState;
use resonate_core::time::Timestamp;

use super::Environment;
use super::input::{now, variable};

pub(super) use fit::cut;
pub(super) use promise::{promise, promises};
pub(super) use schedule::{schedule, schedules};
pub(super) use task::{task, tasks};
pub(super) use time::{coarse, instant, span};
pub(super) use tree::tree;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Columns between two cells.
const GAP: u16 = 2;

/// What is printed to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    /// Whether colours are understood.
    pub(super) colours: bool,
    /// Columns of the terminal that somebody looks at, so that lines must fit.
    pub(super) width: Option<usize>,
    /// The instant that relative times refer to.
    pub(super) now: Timestamp,
}

/// How a state looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    mark: &'static str,
    name: &'static str,
    colour: AnsiColor,
}

/// One line of a record: a name and what it is.
pub(super) type Line = (&'static str, String);

impl Screen {
    /// Standard output, as the environment describes it.
    pub(super) fn of(environment: &Environment) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let is_dumb = variable(environment, "TERM").is_some_and(|term| term == "dumb");
        let colours = terminal && !is_dumb && variable(environment, "NO_COLOR").is_none();
        let width = Table::new().width().map(usize::from);
        Self { colours, width, now: now() }
    }

    fn paint(&self, style: Style, text: impl Display) -> String {
        let text = text.to_string();
        if self.colours && !text.is_empty() { format!("{style}{text}{style:#}") } else { text }
    }

    fn bold(&self, text: impl Display) -> String {
        self.paint(BOLD, text)
    }

    fn dim(&self, text: impl Display) -> String {
        self.paint(DIM, text)
    }

    /// A state in a line of text.
    fn state(&self, look: Look) -> String {
        self.paint(look.colour.on_default(), format!("{} {}", look.mark, look.name))
    }

    /// A record: its id and state, then its lines, with the names aligned. Lines without a text are left out.
    fn record(&self, id: &str, state: &str, lines: Vec<Line>) -> String {
        let lines: Vec<Line> = lines.into_iter().filter(|(_, text)| !text.is_empty()).collect();
        let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let mut out = format!("{}  {state}\n", self.bold(printable(id)));
        for (name, text) in lines {
            let mut rows = text.lines();
            let first = rows.next().unwrap_or_default();
            out += &format!("  {}  {first}\n", self.dim(format!("{name:width$}")));
            for row in rows {
                out += &format!("  {:width$}  {row}\n", "");
            }
        }
        out
    }

    /// A table, or a sentence when it is empty; the cursor leads to the next page.
    fn table(&self, what: &str, header: &[&str], rows: Vec<Vec<Cell>>, cursor: Option<&str>) -> String {
        let more = cursor.map(|cursor| self.dim(format!("more with --cursor {cursor}")) + "\n");
        if rows.is_empty() {
            return self.dim(format!("no {what}")) + "\n" + &more.unwrap_or_default();
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(header.iter().map(|name| self.dim_cell(name)));
        table.add_rows(rows);
        if self.width.is_some() {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        } else {
            table.set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
        }
        if self.colours {
            table.enforce_styling();
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, GAP));
        }
        table.trim_fmt() + "\n" + &more.unwrap_or_default()
    }

    /// A cell; without a state it is plain.
    fn cell(&self, text: impl Display, look: Option<Look>) -> Cell {
        let cell = Cell::new_owned(text.to_string());
        match look {
            Some(look) if self.colours => cell.fg(look.cell_colour()),
            Some(_) | None => cell,
        }
    }

    /// A cell with a state.
    fn state_cell(&self, look: Look) -> Cell {
        self.cell(format!("{} {}", look.mark, look.name), Some(look))
    }

    /// A cell that matters less.
    fn dim_cell(&self, text: impl Display) -> Cell {
        let cell = Cell::new_owned(text.to_string());
        if self.colours { cell.add_attribute(Attribute::Dim) } else { cell }
    }
}

impl Look {
    pub(super) fn of_promise(state: PromiseState) -> Self {
        let (mark, colour) = match state {
            PromiseState::Pending => ("○", AnsiColor::Yellow),
            PromiseState::Resolved => ("●", AnsiColor::Green),
            PromiseState::Rejected | PromiseState::RejectedTimedout => ("✗", AnsiColor::Red),
            PromiseState::RejectedCanceled => ("✗", AnsiColor::Magenta),
        };
        Self { mark, name: state.name(), colour }
    }

    fn of_task(state: TaskState) -> Self {
        let (mark, colour) = match state {
            TaskState::Pending => ("○", AnsiColor::Yellow),
            TaskState::Acquired => ("▶", AnsiColor::Cyan),
            TaskState::Suspended => ("◇", AnsiColor::Blue),
            TaskState::Halted => ("■", AnsiColor::Red),
            TaskState::Fulfilled => ("●", AnsiColor::Green),
        };
        Self { mark, name: state.name(), colour }
    }

    /// The same colour as tables know it.
    fn cell_colour(self) -> Color {
        match self.colour {
            AnsiColor::Black | AnsiColor::BrightBlack => Color::Black,
            AnsiColor::Red | AnsiColor::BrightRed => Color::DarkRed,
            AnsiColor::Green | AnsiColor::BrightGreen => Color::DarkGreen,
            AnsiColor::Yellow | AnsiColor::BrightYellow => Color::DarkYellow,
            AnsiColor::Blue | AnsiColor::BrightBlue => Color::DarkBlue,
            AnsiColor::Magenta | AnsiColor::BrightMagenta => Color::DarkMagenta,
            AnsiColor::Cyan | AnsiColor::BrightCyan => Color::DarkCyan,
            AnsiColor::White | AnsiColor::BrightWhite => Color::Grey,
        }
    }
}

/// Tags, one a line, with the values aligned.
fn tags(tags: &Tags) -> String {
    let width = tags.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    let lines = tags.iter().map(|(name, text)| format!("{:width$}  {}", printable(name), printable(text)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Columns of the terminal behind standard error.
pub(super) fn width_of_stderr() -> Option<usize> {
    Table::new().use_stderr().width().map(usize::from)
}

/// A text of strangers without what would move the cursor or colour the terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) const PLAIN: Screen =
        Screen { colours: false, width: None, now: Timestamp::saturating(10_000_000) };

    #[test]
    fn a_record_is_aligned_and_skips_what_is_absent() {
        let lines = vec![("a", "1".to_owned()), ("long", "2\n3".to_owned()), ("none", String::new())];
        assert_eq!(PLAIN.record("id", "state", lines), "id  state\n  a     1\n  long  2\n        3\n");
    }

    #[test]
    fn there_are_no_colours_where_they_are_not_understood() {
        let painted = Screen { colours: true, ..PLAIN }.state(Look::of_promise(PromiseState::Resolved));
        assert!(painted.contains("\u{1b}["), "{painted:?}");
        assert_eq!(PLAIN.state(Look::of_promise(PromiseState::Resolved)), "● resolved");
    }

    #[test]
    fn strangers_cannot_write_to_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\n"), "a\u{fffd}[31mb\u{fffd}");
    }
}
