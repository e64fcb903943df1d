//! Prints the key table as Markdown, and a configuration as TOML that says where each value came
//! from.

use std::fmt::Write as _;

use toml::Value;

use super::error::Origin;
use super::key::{Key, Kind, Meaning};
use super::keys;
use super::layers::Setting;

/// The key table for people: what the server acts on, then what it accepts without effect.
pub fn markdown() -> String {
    let mut out = String::from("| Key | Default | Environment | Meaning |\n|---|---|---|---|\n");
    for key in keys::live() {
        let mut default = shown_default(key);
        if let Some(dev) = key.dev_default {
            default.push_str(&format!(" (`resonate dev`: `{dev}`)"));
        }
        let meaning = match accepted_names(key) {
            Some(names) => format!("{} ({names})", key.help),
            None => key.help.to_owned(),
        };
        row(&mut out, &[&format!("`{}`", key.path), &default, &format!("`{}`", key.environment()), &meaning]);
    }
    out.push_str("\nAccepted without effect, with one warning each:\n\n| Key | Why |\n|---|---|\n");
    for key in keys::all().filter(|key| key.meaning == Meaning::Ignored) {
        row(&mut out, &[&format!("`{}`", key.path), key.help]);
    }
    out
}

/// The settings as TOML; a comment on each line names the layer that decided. Secrets are masked.
pub fn toml(settings: &[Setting]) -> String {
    let mut sections: Vec<&str> = Vec::new();
    for setting in settings {
        let section = section_of(setting.key);
        if !sections.contains(&section) {
            sections.push(section);
        }
    }
    // Keys outside any section must stand before the first heading.
    sections.sort_by_key(|section| !section.is_empty());

    let mut out = String::new();
    for section in sections {
        if !section.is_empty() {
            out.push_str(&format!("\n[{section}]\n"));
        }
        let lines: Vec<(String, &Setting)> = settings
            .iter()
            .filter(|setting| section_of(setting.key) == section)
            .map(|setting| (assignment(setting), setting))
            .collect();
        let width = lines.iter().map(|(assignment, _)| assignment.chars().count()).max().unwrap_or_default();
        // Writing to a String cannot fail.
        for (assignment, setting) in lines {
            let _ = match (&setting.value, &setting.origin) {
                (None, Origin::Default) => writeln!(out, "{assignment}"),
                (_, origin) => writeln!(out, "{assignment:width$}  # {origin}"),
            };
        }
    }
    out
}

fn assignment(setting: &Setting) -> String {
    let name = setting.key.path.rsplit_once('.').map_or(setting.key.path, |(_, name)| name);
    match &setting.value {
        None => format!("# {name} is not set"),
        Some(Value::String(text)) => format!("{name} = {}", Value::String(setting.key.masked(text).into_owned())),
        Some(value) => format!("{name} = {value}"),
    }
}

fn section_of(key: &Key) -> &'static str {
    key.path.rsplit_once('.').map_or("", |(section, _)| section)
}

fn shown_default(key: &Key) -> String {
    let unit = match key.kind {
        Kind::Millis { .. } => " ms",
        Kind::Bytes => " bytes",
        Kind::Bool
        | Kind::Port
        | Kind::Count
        | Kind::Text { .. }
        | Kind::List { .. }
        | Kind::Choice(_)
        | Kind::Anything => "",
    };
    match key.default {
        None | Some("") => format!("–{}", if unit.is_empty() { String::new() } else { format!(" ({})", unit.trim()) }),
        Some(text) => format!("`{text}`{unit}"),
    }
}

fn accepted_names(key: &Key) -> Option<String> {
    match key.kind {
        Kind::Choice(names) => Some(names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
        Kind::Bool
        | Kind::Port
        | Kind::Count
        | Kind::Bytes
        | Kind::Millis { .. }
        | Kind::Text { .. }
        | Kind::List { .. }
        | Kind::Anything => None,
    }
}

fn row(out: &mut String, cells: &[&str]) {
    out.push('|');
    for cell in cells {
        let _ = write!(out, " {} |", cell.replace('|', "\\|"));
    }
    out.push('\n');
}
