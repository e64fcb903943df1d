//! The text of a table into scenarios and rows. Requests and answers stay texts: they may hold what only an earlier answer tells.

use std::path::Path;

use super::{Drivers, Row, Scenario, Table};

/// Requests that look inside the system or stand for its surroundings: for the local drivers, where nothing else is said.
const INSIDE: [&str; 6] = ["sent", "delivered", "failed", "unclaimed", "connect", "debug.snap"];

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    /// The line that is none of a table.
    pub fn parse(path: &Path, text: &str) -> Result<Self, String> {
        let mut scenarios: Vec<Scenario> = Vec::new();
        for (line, text) in logical_lines(text) {
            let fail = |why: &str| format!("{}:{line}: {why}: {text}", path.display());
            if let Some(heading) = text.strip_prefix("==") {
                scenarios.push(parse_heading(heading).map_err(|why| fail(&why))?);
                continue;
            }
            let scenario = scenarios.last_mut().ok_or_else(|| fail("a row before the first heading"))?;
            let rows = parse_rows(line, &text).map_err(|why| fail(&why))?;
            if scenario.rows.last().zip(rows.first()).is_some_and(|(before, row)| before.at > row.at) {
                return Err(fail("time goes back"));
            }
            scenario.rows.extend(rows);
        }
        match scenarios.iter().find(|scenario| scenario.rows.is_empty()) {
            Some(empty) => Err(format!("{}: nothing in scenario {:?}", path.display(), empty.title)),
            None => Ok(Self { path: path.to_owned(), scenarios }),
        }
    }
}

/// Lines without comments, each with those that continue it.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (at, text) in text.lines().enumerate() {
        let content = text.trim();
        match lines.last_mut() {
            _ if content.is_empty() || content.starts_with('#') => {}
            Some((_, row)) if text.starts_with(char::is_whitespace) => {
                row.push(' ');
                row.push_str(content);
            }
            Some(_) | None => lines.push((at + 1, content.to_owned())),
        }
    }
    lines
}

fn parse_heading(text: &str) -> Result<Scenario, String> {
    let (title, names) = match text.trim().strip_suffix(']').and_then(|text| text.rsplit_once('[')) {
        Some((title, names)) => (title, names),
        None => (text, ""),
    };
    let (mut drivers, mut strict) = (Drivers::default(), false);
    for name in names.split_whitespace() {
        if name == "strict" {
            strict = true;
        } else if !drivers.add(name) {
            return Err(format!("no driver {name:?}"));
        }
    }
    Ok(Scenario { title: title.trim().to_owned(), drivers, strict, rows: Vec::new() })
}

/// The rows of a line: one, or as many as it says.
fn parse_rows(line: usize, text: &str) -> Result<Vec<Row>, String> {
    let row = parse_row(line, text)?;
    let times = row.request.split_once("* ").and_then(|(times, request)| Some((times.parse::<usize>().ok()?, request)));
    let Some((times, request)) = times else { return Ok(vec![row]) };
    let numbered = |text: &str, number: usize| text.replace("$n", &number.to_string());
    let nth = |number| Row {
        request: numbered(request.trim(), number),
        expected: numbered(&row.expected, number),
        drivers: row.drivers.clone(),
        ..row
    };
    Ok((0..times).map(nth).collect())
}

fn parse_row(line: usize, text: &str) -> Result<Row, String> {
    let (call, expected) = match text.split_once(" -> ") {
        Some((call, expected)) => (call, expected),
        None => (text, ""),
    };
    let (at, mut request) = call.split_once(char::is_whitespace).ok_or("no request")?;
    let at = at.parse().map_err(|_| "no instant".to_owned())?;
    let mut drivers = Drivers::default();
    request = request.trim();
    while let Some(rest) = request.strip_prefix('@') {
        let (name, behind) = rest.split_once(char::is_whitespace).ok_or("no request")?;
        if !drivers.add(name) {
            return Err(format!("no driver {name:?}"));
        }
        request = behind.trim();
    }
    if drivers == Drivers::default() && INSIDE.contains(&request.split_whitespace().next().unwrap_or_default()) {
        drivers.add("local");
    }
    Ok(Row { line, at, drivers, request: request.to_owned(), expected: expected.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::Kind;

    fn parse(text: &str) -> Result<Table, String> {
        Table::parse(Path::new("a table"), text)
    }

    #[test]
    fn rows_are_read_with_what_restricts_and_continues_them() {
        let text = "# a comment\n== one [strict local]\n5 @http get a\n  -> 404\n\n# more\n7 tick\n== two\n0 get b -> 404\n0 sent -> 200\n";
        let table = parse(text).expect("a table");
        let [one, two] = &table.scenarios[..] else { panic!("{table:?}") };
        assert!(
            one.strict
                && one.title == "one"
                && one.drivers == Drivers(vec![Kind::Memory, Kind::Sqlite, Kind::Postgres, Kind::Wasm])
        );
        let [first, second] = &one.rows[..] else { panic!("{one:?}") };
        assert_eq!((first.line, first.at, &*first.request, &*first.expected), (3, 5, "get a", "404"));
        assert_eq!(first.drivers, Drivers(vec![Kind::Http]));
        assert_eq!((second.line, second.at, &*second.request, &*second.expected), (7, 7, "tick", ""));
        assert!(!two.strict && two.drivers.include(Kind::Http));
        let [get, sent] = &two.rows[..] else { panic!("{two:?}") };
        assert!(get.drivers.include(Kind::Http) && !sent.drivers.include(Kind::Http));
    }

    #[test]
    fn a_line_may_stand_for_many_rows() {
        let table = parse("== one\n5 @http 3* get a$n -> 200 id=a$n\n").expect("a table");
        let rows: Vec<_> = table.scenarios[0].rows.iter().map(|row| (&*row.request, &*row.expected)).collect();
        assert_eq!(rows, [("get a0", "200 id=a0"), ("get a1", "200 id=a1"), ("get a2", "200 id=a2")]);
        assert!(table.scenarios[0].rows.iter().all(|row| row.drivers == Drivers(vec![Kind::Http])));
    }

    #[test]
    fn what_is_no_table_says_where() {
        for (text, why) in [
            ("0 get a -> 404", "a table:1: a row before the first heading"),
            ("== a\n0 get a\nx get b", "a table:3: no instant"),
            ("== a\n5 get a\n4 get b", "a table:3: time goes back"),
            ("== a [nobody]\n5 get a", "a table:1: no driver \"nobody\""),
            ("== a\n5 @nobody get a", "a table:2: no driver \"nobody\""),
            ("== a\n== b\n0 get a", "nothing in scenario \"a\""),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(why), "{error}");
        }
    }
}
