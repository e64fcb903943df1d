//! A contradiction in words: who asked what, when, what was answered, how far an order gets, and what the machine would have said then.

use std::fmt;

use resonate_core::request::Request;

use super::history::{Contradiction, History, Operation};

/// Longest text of a request or an answer.
const TEXT_CHARS_MAX: usize = 400;

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = &self.history.operations;
        writeln!(f, "no order explains these {} operations (times in ms since the first):", operations.len())?;
        for (number, operation) in operations.iter().enumerate() {
            writeln!(f, "  {}", self.history.line(number, operation))?;
        }
        let mut order: Vec<usize> = self.placed.iter().map(|placed| placed.operation).collect();
        order.dedup();
        if !order.is_empty() {
            let order: Vec<String> = order.iter().map(|number| format!("#{number}")).collect();
            writeln!(f, "an order that gets furthest: {}", order.join(" "))?;
        }
        for stuck in &self.stuck {
            match &stuck.machine {
                Some(machine) => writeln!(
                    f,
                    "then #{} cannot be next: the machine says {}",
                    stuck.operation,
                    clipped(&machine.text())
                )?,
                None => writeln!(f, "#{} was decided at an instant outside of its call", stuck.operation)?,
            }
        }
        Ok(())
    }
}

impl History {
    /// Milliseconds since the first operation was sent.
    fn since(&self, at: u64) -> i64 {
        let first = self.operations.iter().map(|operation| operation.invoked.at).min().unwrap_or_default();
        i64::try_from(at).unwrap_or(i64::MAX).saturating_sub_unsigned(first.as_millis())
    }

    fn line(&self, number: usize, operation: &Operation) -> String {
        let (when, now) = self.times(operation);
        let now = now.map_or_else(String::new, |now| format!(" (decided at {now})"));
        let answer = operation.answer_text();
        format!(
            "#{number} client {} {when}{now} {} -> {}",
            operation.client,
            clipped(&operation.asked()),
            clipped(&answer)
        )
    }

    /// From when to when, and the instant of the answer.
    pub(super) fn times(&self, operation: &Operation) -> (String, Option<String>) {
        let from = self.since(operation.invoked.at.as_millis());
        let until = operation.returned.map(|returned| self.since(returned.at.as_millis()).to_string());
        let now = operation.now.map(|now| self.since(now.as_millis()).to_string());
        (format!("{from}..{}", until.as_deref().unwrap_or("never")), now)
    }
}

impl Operation {
    /// What was asked for, on one line.
    pub(super) fn asked(&self) -> String {
        let mut fields = serde_json::to_value(&self.request).unwrap_or_default();
        if let Some(fields) = fields.as_object_mut() {
            fields.remove("kind");
        }
        format!("{} {fields}", self.request.kind())
    }

    /// The ids that it is about, for a label.
    pub(super) fn label(&self) -> String {
        let ids = resonate_core::wire::envelope::ids(&self.request);
        let ids: Vec<&str> = ids.iter().map(AsRef::as_ref).collect();
        let kind = match &self.request {
            Request::SettlePromise(settle) => {
                serde_json::to_value(settle.verdict).unwrap_or_default().as_str().unwrap_or_default().to_owned()
            }
            request => request.kind().rsplit('.').next().unwrap_or_default().to_owned(),
        };
        format!("{kind} {}", ids.join(", "))
    }

    pub(super) fn answer_text(&self) -> String {
        self.answer.as_ref().map_or_else(|| "may have happened or not".to_owned(), super::Answer::text)
    }
}

fn clipped(text: &str) -> String {
    let mut clipped: String = text.chars().take(TEXT_CHARS_MAX).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    clipped
}
