//! Whether the key table agrees with itself and with the typed configuration.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::*;

/// A text that the key accepts, for every kind.
fn sample(key: &Key) -> &'static str {
    match key.kind {
        Kind::Bool => "true",
        Kind::Port | Kind::Count | Kind::Bytes | Kind::Millis { .. } => "7",
        Kind::Text { .. } | Kind::List { .. } | Kind::Anything => "x",
        Kind::Choice(names) => names.last().expect("a choice has names"),
    }
}

#[test]
fn the_table_and_the_typed_configuration_have_the_same_keys() {
    let given = keys::live().map(|key| layers::Given::from_text(key, Origin::Default, sample(key)).unwrap());
    let loaded = layers::merge(Defaults::Serve, given).unwrap();
    let mut paths = BTreeSet::new();
    leaves("", &::toml::Value::try_from(&loaded.config).unwrap(), &mut paths);
    let expected: BTreeSet<String> = keys::live().map(|key| key.path.to_owned()).collect();
    assert_eq!(paths, expected);
}

fn leaves(path: &str, value: &::toml::Value, paths: &mut BTreeSet<String>) {
    match value.as_table() {
        None => assert!(paths.insert(path.to_owned())),
        Some(table) => {
            for (name, inner) in table {
                leaves(&if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, inner, paths);
            }
        }
    }
}

#[test]
fn every_name_of_every_choice_is_a_value() {
    for key in keys::live() {
        let Kind::Choice(names) = key.kind else {
            continue;
        };
        for name in names {
            let given = [
                layers::Given::from_text(key, Origin::Default, name).unwrap(),
                layers::Given::from_text(
                    lookup::find("transports.http_push.auth.token").unwrap(),
                    Origin::Default,
                    "x",
                )
                .unwrap(),
            ];
            let settings = layers::merge(Defaults::Serve, given).unwrap().settings;
            assert!(Config::deserialize(layers::nested(&settings)).is_ok());
        }
    }
}

#[test]
fn paths_are_unique_and_the_markdown_has_them_all() {
    let paths: BTreeSet<_> = keys::all().map(|key| key.path).collect();
    assert_eq!(paths.len(), keys::all().count());
    let table = markdown();
    for path in paths {
        assert!(table.contains(&format!("| `{path}` |")), "{path}");
    }
}
