//! The call tree: promises of one origin, each below its parent.

use std::collections::{BTreeMap, BTreeSet};

use resonate_core::promise::tag;

use super::fit::{cut, padded, width};
use super::{Look, Screen, printable, promise, span};
use crate::client::record::{Promise, Role};

/// Draws the tree of the promises of an origin: siblings by creation, then by id. A promise whose parent is not among them hangs below the
/// root, or stands alone when there is none.
pub(in super::super) fn tree(screen: &Screen, root: &str, promises: &[Promise]) -> String {
    let known: BTreeSet<&str> = promises.iter().map(|promise| promise.id.as_str()).collect();
    let mut children: BTreeMap<Option<&str>, Vec<&Promise>> = BTreeMap::new();
    for promise in promises {
        let named = promise.tags.get(tag::PARENT).map(String::as_str);
        let parent = named.filter(|parent| *parent != promise.id && known.contains(parent));
        let orphan = (promise.id != root && known.contains(root)).then_some(root);
        let parent = if promise.id == root { None } else { parent.or(orphan) };
        children.entry(parent).or_default().push(promise);
    }
    for siblings in children.values_mut() {
        siblings.sort_by_cached_key(|promise| (promise.created_at, natural(&promise.id)));
    }
    let mut drawing = Drawing { screen, children, rows: Vec::new(), drawn: BTreeSet::new() };
    for top in drawing.children.get(&None).cloned().unwrap_or_default() {
        drawing.add(top, "", "");
    }
    // Parents that name each other in a circle are reached from no top.
    for promise in promises {
        if !drawing.drawn.contains(promise.id.as_str()) {
            drawing.add(promise, "", "");
        }
    }
    drawing.print()
}

/// Columns between the others, and those of the mark of a state.
const FIXED: usize = 8;

/// Columns that an id or a role keeps when there are too few for all.
const NARROW: usize = 8;

struct Drawing<'a> {
    screen: &'a Screen,
    children: BTreeMap<Option<&'a str>, Vec<&'a Promise>>,
    rows: Vec<Row<'a>>,
    drawn: BTreeSet<&'a str>,
}

struct Row<'a> {
    branch: String,
    promise: &'a Promise,
}

impl<'a> Drawing<'a> {
    /// Adds a promise and what is below it. A stack instead of recursion: trees may be deep.
    fn add(&mut self, top: &'a Promise, branch: &str, below: &str) {
        let mut open = vec![(top, branch.to_owned(), below.to_owned())];
        while let Some((promise, branch, below)) = open.pop() {
            if !self.drawn.insert(&promise.id) {
                continue;
            }
            self.rows.push(Row { branch, promise });
            let children = self.children.get(&Some(promise.id.as_str())).map_or(&[][..], Vec::as_slice);
            for (at, child) in children.iter().enumerate().rev() {
                let (corner, line) = if at + 1 == children.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
                open.push((child, format!("{below}{corner}"), format!("{below}{line}")));
            }
        }
    }

    /// One line a promise: branch and id, then role, state and time in columns.
    fn print(&self) -> String {
        let widest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
        let named = widest(&mut self.rows.iter().map(|row| width(&row.branch) + width(&printable(&row.promise.id))));
        let roles = widest(&mut self.rows.iter().map(|row| width(&promise::role(row.promise))));
        let states = widest(&mut self.rows.iter().map(|row| Look::of_promise(row.promise.state).name.len()));
        let times = widest(&mut self.rows.iter().map(|row| width(&self.time(row.promise))));
        let [named, roles, times] = match self.screen.width {
            Some(columns) => fitted([named, roles, times], columns.saturating_sub(states + FIXED)),
            None => [named, roles, times],
        };
        let mut out = String::new();
        for Row { branch, promise } in &self.rows {
            let id = printable(&promise.id);
            let branch = cut(branch, named.saturating_sub(width(&id).min(NARROW)));
            let id = cut(&id, named - width(&branch));
            let pad = " ".repeat(named - width(&branch) - width(&id));
            let id = if branch.is_empty() { self.screen.bold(id) } else { id };
            let role = padded(&cut(&promise::role(promise), roles), roles);
            let look = Look::of_promise(promise.state);
            let state = self.screen.state(look);
            let gap = " ".repeat(states - look.name.len());
            let time = self.screen.dim(cut(&self.time(promise), times));
            out += &format!("{}{id}{pad}  {role}  {state}{gap}  {time}\n", self.screen.dim(branch));
        }
        out
    }

    /// How long it took, or for how long it has been pending and until when it may.
    fn time(&self, promise: &Promise) -> String {
        match promise.settled_at {
            Some(at) => span(at.since(promise.created_at)),
            None => {
                let so_far = span(self.screen.now.since(promise.created_at));
                let end = if promise.role() == Role::Sleep { "wakes" } else { "times out" };
                format!("{so_far} so far, {end} {}", self.screen.relative(promise.timeout_at))
            }
        }
    }
}

/// Columns of branch and id, of role and of time that fit into so many together. Times give way last: they are short, and the same everywhere.
fn fitted([named, roles, times]: [usize; 3], columns: usize) -> [usize; 3] {
    let times = times.min(columns.saturating_sub(2 * NARROW));
    let room = columns - times;
    // Names of functions give way to ids, down to a third.
    let roles = roles.min(room.saturating_sub(named).max(room / 3));
    [named.min(room - roles), roles, times]
}

/// Orders `a.10` after `a.9`: runs of digits count by length, then by what they are.
fn natural(id: &str) -> Vec<(usize, String)> {
    let mut parts: Vec<(usize, String)> = Vec::new();
    let mut in_number = false;
    for c in id.chars() {
        match parts.last_mut() {
            Some((length, text)) if in_number == c.is_ascii_digit() => {
                text.push(c);
                *length += usize::from(in_number);
            }
            Some(_) | None => parts.push((usize::from(c.is_ascii_digit()), c.to_string())),
        }
        in_number = c.is_ascii_digit();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::tests::PLAIN;
    use super::*;
    use crate::client::payload::encode;
    use serde_json::json;

    fn made(id: &str, parent: &str, tags: &[(&str, &str)], func: Option<&str>, settled: Option<u64>) -> Promise {
        let mut all = json!({"resonate:origin": "root", "resonate:parent": parent});
        for (name, text) in tags {
            all[*name] = json!(text);
        }
        let param = func.map_or(json!({}), |func| json!({"data": encode(&json!({"func": func, "args": []}))}));
        let mut promise = json!({"id": id, "state": "pending", "param": param, "value": {}, "tags": all,
            "timeoutAt": 10_060_000, "createdAt": 9_990_000});
        if let Some(settled) = settled {
            promise["state"] = json!("resolved");
            promise["settledAt"] = json!(settled);
        }
        serde_json::from_value(promise).unwrap()
    }

    fn lines(promises: &[Promise]) -> Vec<String> {
        tree(&PLAIN, "root", promises).lines().map(|line| line.trim_end().to_owned()).collect()
    }

    #[test]
    fn promises_hang_below_their_parents() {
        let local = [("resonate:scope", "local")];
        let drawn = lines(&[
            made("root.10", "root", &[("resonate:timer", "true")], None, None),
            made("root.9", "root", &local, Some("step"), Some(9_990_120)),
            made("root", "root", &[("resonate:target", "poll://any@x")], Some("main"), None),
            made("root.9.0", "root.9", &[], None, None),
        ]);
        assert_eq!(
            drawn,
            [
                "root            rpc main  ○ pending   10s so far, times out in 1m",
                "├─ root.9       run step  ● resolved  120ms",
                "│  └─ root.9.0  promise   ○ pending   10s so far, times out in 1m",
                "└─ root.10      sleep     ○ pending   10s so far, wakes in 1m",
            ]
        );
    }

    #[test]
    fn rows_fit_the_terminal() {
        let long = "0123456789".repeat(12);
        let deep = format!("{long}.1");
        let promises =
            [made(&long, &long, &[], Some(&long), None), made(&deep, &long, &[], Some("注文"), Some(9_990_120))];
        for columns in [40, 60, 80, 132, 400] {
            let screen = Screen { width: Some(columns), ..PLAIN };
            let drawn = tree(&screen, &long, &promises);
            for row in drawn.lines() {
                assert!(width(row) <= columns, "{columns}: {row}");
            }
            assert_eq!(drawn.contains('…'), columns < 400, "{drawn}");
            assert!(drawn.contains(".1  "), "the end of an id is what tells it apart: {drawn}");
        }
    }

    #[test]
    fn orphans_and_circles_are_drawn_once() {
        let drawn = lines(&[
            made("a", "gone", &[], None, None),
            made("b", "c", &[], None, None),
            made("c", "b", &[], None, None),
        ]);
        assert_eq!(drawn.len(), 3, "{drawn:?}");
        let with_root = lines(&[made("root", "root", &[], None, None), made("a", "gone", &[], None, None)]);
        assert!(with_root[1].starts_with("└─ a"), "{with_root:?}");
    }
}
