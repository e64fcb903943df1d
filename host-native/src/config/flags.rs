//! The layer of flags: builds clap's arguments from the key table and reads them back.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::error::{Error, Origin};
use super::key::{Key, Kind, Meaning};
use super::keys;
use super::layers::{Defaults, Given};

/// Adds a flag for every key to `command`; help shows the defaults of `defaults`.
pub fn add_to(command: Command, defaults: Defaults) -> Command {
    add(command, defaults, |_| true)
}

/// Adds only the flags that say where promises are kept.
pub fn add_storage_to(command: Command, defaults: Defaults) -> Command {
    add(command, defaults, |key| key.meaning == Meaning::Live && key.path.starts_with("storage."))
}

fn add(mut command: Command, defaults: Defaults, is_wanted: impl Fn(&Key) -> bool) -> Command {
    for section in keys::SECTIONS {
        for key in section.keys.iter().filter(|key| is_wanted(key)) {
            for arg in args_of(key, defaults) {
                command = command.arg(arg.help_heading(section.title));
            }
        }
    }
    command
}

/// Reads the flags that were given, in the order of the table.
pub(super) fn read(matches: &ArgMatches) -> Result<Vec<Given>, Error> {
    let mut given = Vec::new();
    for key in keys::all() {
        for name in names_of(key) {
            let Ok(Some(texts)) = matches.try_get_many::<String>(&name) else {
                continue;
            };
            let origin = Origin::Flag(name);
            match key.kind {
                Kind::List { .. } => {
                    given.push(Given::from_texts(key, origin, texts.map(String::as_str))?);
                }
                Kind::Bool
                | Kind::Port
                | Kind::Count
                | Kind::Bytes
                | Kind::Millis { .. }
                | Kind::Text { .. }
                | Kind::Choice(_)
                | Kind::Anything => {
                    for text in texts {
                        given.push(Given::from_text(key, origin.clone(), text)?);
                    }
                }
            }
        }
    }
    Ok(given)
}

/// The names that are arguments of their own: a family's flags share nothing but their meaning,
/// while an ordinary key has one argument, whose irregular names are aliases.
fn names_of(key: &Key) -> Vec<String> {
    match key.flag() {
        Some(name) => vec![name],
        None => key.irregular_flags.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn args_of(key: &Key, defaults: Defaults) -> Vec<Arg> {
    let aliases = if key.family().is_some() { &[] } else { key.irregular_flags };
    names_of(key)
        .into_iter()
        .map(|name| {
            let arg = Arg::new(name.clone())
                .long(name)
                .visible_aliases(aliases.iter().copied())
                .value_name(value_name(key.kind))
                .help(help(key, defaults))
                .hide(key.meaning == Meaning::Ignored)
                .allow_negative_numbers(true)
                .action(ArgAction::Set);
            match key.kind {
                Kind::Bool => arg.num_args(0..=1).default_missing_value("true"),
                Kind::Anything => arg.num_args(0..=1).default_missing_value("true").action(ArgAction::Append),
                Kind::List { .. } => arg.action(ArgAction::Append),
                Kind::Port | Kind::Count | Kind::Bytes | Kind::Millis { .. } | Kind::Text { .. } | Kind::Choice(_) => {
                    arg
                }
            }
        })
        .collect()
}

fn help(key: &Key, defaults: Defaults) -> String {
    match defaults.of(key) {
        Some("") | None => key.help.to_owned(),
        Some(default) => format!("{} [default: {default}]", key.help),
    }
}

fn value_name(kind: Kind) -> String {
    match kind {
        Kind::Bool => "true|false".to_owned(),
        Kind::Port => "PORT".to_owned(),
        Kind::Count => "N".to_owned(),
        Kind::Bytes => "BYTES".to_owned(),
        Kind::Millis { .. } => "MS".to_owned(),
        Kind::Text { hint } | Kind::List { hint } => hint.to_owned(),
        Kind::Choice(names) => names.join("|"),
        Kind::Anything => "VALUE".to_owned(),
    }
}
