//! Events as `key=value` pairs: `time`, `level`, `msg`, then the fields in their order, then those
//! of the spans around.

use std::fmt::{self, Write};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::{name_of, target_of, timestamp};

/// Writes one event.
pub(super) struct Line;

/// Writes the fields of a span.
pub(super) struct Fields;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut pairs = Pairs::default();
        event.record(&mut pairs);
        write!(out, "time={} level={}", timestamp(SystemTime::now()), event.metadata().level())?;
        if let Some(message) = &pairs.message {
            out.write_str(" msg=")?;
            write_quoted(&mut out, message)?;
        }
        if let Some(target) = target_of(event.metadata()) {
            out.write_str(" target=")?;
            write_value(&mut out, target)?;
        }
        out.write_str(&pairs.rest)?;
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                out.write_str(&fields.fields)?;
            }
        }
        out.write_char('\n')
    }
}

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut pairs = Pairs::default();
        fields.record(&mut pairs);
        writer.write_str(&pairs.rest)
    }

    /// Pairs bring their own space, so nothing goes between them.
    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &tracing::span::Record<'_>) -> fmt::Result {
        self.format_fields(current.as_writer(), fields)
    }
}

/// Collects fields; each pair of `rest` starts with a space. Writing to a String cannot fail.
#[derive(Default)]
struct Pairs {
    message: Option<String>,
    rest: String,
}

impl Visit for Pairs {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = Some(value.to_owned());
        } else {
            let _ = write!(self.rest, " {}=", name_of(field));
            let _ = write_value(&mut self.rest, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record_str(field, &value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

fn write_value(out: &mut impl Write, value: &str) -> fmt::Result {
    let bare = !value.is_empty()
        && value.chars().all(|c| !matches!(c, '"' | '=' | '\\') && !c.is_whitespace() && !needs_escape(c));
    if bare { out.write_str(value) } else { write_quoted(out, value) }
}

fn write_quoted(out: &mut impl Write, value: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in value.chars() {
        match c {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            c if needs_escape(c) => write!(out, "\\u{:04x}", u32::from(c))?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

/// Control characters (among them the one that begins an ANSI escape), and what some readers take
/// for the end of a line.
fn needs_escape(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;
    use super::*;

    fn line(events: impl FnOnce()) -> String {
        let line = written(Fields, Line, events);
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.starts_with("time=20") && time.ends_with('Z'), "{time}");
        rest.to_owned()
    }

    fn value(text: &str) -> String {
        let mut out = String::new();
        write_value(&mut out, text).unwrap();
        out
    }

    #[test]
    fn the_message_comes_first_and_the_fields_in_their_order() {
        let line = line(|| tracing::info!(addr = %"0.0.0.0:8001", n = 3, ok = true, "starting http server"));
        assert_eq!(line, "level=INFO msg=\"starting http server\" addr=0.0.0.0:8001 n=3 ok=true\n");
    }

    #[test]
    fn the_target_shows_from_debug_on() {
        let line = line(|| tracing::debug!(target: "resonate::http", r#type = "a b", "x"));
        assert_eq!(line, "level=DEBUG msg=\"x\" target=resonate::http type=\"a b\"\n");
    }

    #[test]
    fn fields_of_spans_follow() {
        let line = line(|| {
            let span = tracing::info_span!("request", id = 7, status = tracing::field::Empty);
            let _entered = span.enter();
            span.record("status", 200);
            tracing::info!(n = 1, "done");
        });
        assert_eq!(line, "level=INFO msg=\"done\" n=1 id=7 status=200\n");
    }

    #[test]
    fn a_value_cannot_leave_its_line_or_reach_the_terminal() {
        assert_eq!(value("plain-1.5:x/y"), "plain-1.5:x/y");
        assert_eq!(value("größe"), "größe");
        assert_eq!(value(""), "\"\"");
        assert_eq!(value("a b"), "\"a b\"");
        assert_eq!(value("a=b"), "\"a=b\"");
        assert_eq!(value("say \"hi\""), r#""say \"hi\"""#);
        assert_eq!(value("c:\\dir"), r#""c:\\dir""#);
        assert_eq!(value("a\nlevel=ERROR\r\tb"), r#""a\nlevel=ERROR\r\tb""#);
        assert_eq!(value("\u{1b}[31mred\u{7}"), r#""\u001b[31mred\u0007""#);
        assert_eq!(value("\u{9b}31m\u{2028}\u{7f}"), r#""\u009b31m\u2028\u007f""#);
    }
}
