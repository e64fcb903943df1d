//! Events as one JSON object a line: `time`, `level`, `msg`, then the fields flat beside them, then
//! those of the spans.

use std::fmt::{self, Write};
use std::time::SystemTime;

use serde_json::Value;
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
        let mut members = Members::default();
        event.record(&mut members);
        write!(out, "{{\"time\":\"{}\",\"level\":\"{}\"", timestamp(SystemTime::now()), event.metadata().level())?;
        if let Some(message) = members.message {
            write!(out, ",\"msg\":{message}")?;
        }
        if let Some(target) = target_of(event.metadata()) {
            write!(out, ",\"target\":{}", Value::from(target))?;
        }
        out.write_str(&members.rest)?;
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                out.write_str(&fields.fields)?;
            }
        }
        out.write_str("}\n")
    }
}

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut members = Members::default();
        fields.record(&mut members);
        writer.write_str(&members.rest)
    }

    /// Members bring their own comma, so nothing goes between them.
    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &tracing::span::Record<'_>) -> fmt::Result {
        self.format_fields(current.as_writer(), fields)
    }
}

/// Collects fields; each member of `rest` starts with a comma.
#[derive(Default)]
struct Members {
    message: Option<Value>,
    rest: String,
}

impl Members {
    fn push(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = Some(value);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(self.rest, ",{}:{value}", Value::from(name_of(field)));
        }
    }
}

impl Visit for Members {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, Value::from(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, Value::from(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.push(field, Value::from(value.to_string()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, Value::from(format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::written;
    use super::*;

    #[test]
    fn a_line_is_one_flat_object() {
        let line = written(Fields, Line, || {
            let span = tracing::info_span!("request", id = 7, status = tracing::field::Empty);
            let _entered = span.enter();
            span.record("status", 200);
            tracing::warn!(text = "a\n\"\u{1b}[31m", n = -1, part = 0.5, ok = true, shown = ?Some(1), "it\nhappened");
        });
        assert_eq!(line.matches('\n').count(), 1);
        assert!(!line.contains('\u{1b}'));
        let mut object: Value = serde_json::from_str(&line).unwrap();
        assert!(object.as_object_mut().unwrap().remove("time").is_some());
        assert_eq!(
            object,
            json!({
                "level": "WARN", "msg": "it\nhappened", "text": "a\n\"\u{1b}[31m", "n": -1, "part": 0.5, "ok": true,
                "shown": "Some(1)", "id": 7, "status": 200,
            })
        );
    }
}
