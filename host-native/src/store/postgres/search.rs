//! The searches, page by page in the order of an index until enough has matched. SQL narrows to what a cheap comparison can tell; the core says what
//! matches.

use std::sync::Arc;

use resonate_core::id::Id;
use resonate_core::limits::ID_BYTES_MAX;
use resonate_core::promise::{Promise, PromiseState};
use resonate_core::read::Read;
use resonate_core::records::Page;
use resonate_core::schedule::Schedule;
use resonate_core::search::{
    IdPattern, PageRoom, PromiseOrder, SearchPromises, SearchSchedules, SearchTasks, StateFilter, has_all,
};
use resonate_core::task::Task;
use resonate_core::time::Timestamp;
use tokio_postgres::Row;

use super::session::{Call, Session, Silence};
use crate::store::rows::{self, millis, promise_columns, schedule_columns};
use crate::store::{Error, damage};

/// Rows fetched at first: nobody knows how large they are.
const FIRST_ROWS_MAX: usize = 101;
/// Rows fetched at once behind those, and about how many bytes.
const ROWS_PER_WAY: usize = 1000;
const BYTES_PER_WAY: usize = 1 << 20;

/// Why a search found no end.
pub(super) enum Broken {
    Silence(Silence),
    Row(Error),
}

impl From<Silence> for Broken {
    fn from(silence: Silence) -> Self {
        Self::Silence(silence)
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Row(error)
    }
}

/// The page that a search asks for, and one row more.
pub(super) fn page(session: &mut Session, read: &Read) -> Result<Page, Broken> {
    match read {
        Read::Promises { search, now } => promises(session, search, *now),
        Read::Tasks { search, now } => tasks(session, search, *now),
        Read::Schedules { search } => schedules(session, search),
        Read::Promise(_)
        | Read::Task(_)
        | Read::Schedule(_)
        | Read::Message(_)
        | Read::CallbacksOf { .. }
        | Read::ListenersOf { .. }
        | Read::UnblocksOf { .. }
        | Read::ReferringTo { .. }
        | Read::HeldBy { .. }
        | Read::Branch { .. } => unreachable!("not a search"),
    }
}

fn promises(session: &mut Session, search: &SearchPromises, now: Timestamp) -> Result<Page, Broken> {
    let states = states(search.state);
    let like = search.pattern.as_ref().map_or_else(|| "%".to_owned(), like);
    let start = start_of(search.prefix.as_deref().unwrap_or(""), search.pattern.as_ref());
    let end = end_of(start);
    let narrowed = |sql| Call::plain(sql).with(states.clone()).with(millis(now)).with(like.clone());
    let matching = |row: &Row| {
        let promise = rows::promise(row)?;
        Ok(search.matches(&promise, now).then(|| Arc::new(promise)))
    };
    let weight = |promise: &Arc<Promise>| promise.weight();
    let found = match &search.order {
        PromiseOrder::ById { after } => {
            const SQL: &str = concat!(
                "SELECT ",
                promise_columns!(),
                " FROM promises WHERE (state = ANY($1) OR (state = 0 AND timeout_at <= $2)) AND id LIKE $3 \
                 AND id > $4 AND id >= $5 AND id < $6 ORDER BY id LIMIT $7"
            );
            let call = |after: &Option<Id>, limit| {
                let after = after.as_ref().map_or("", Id::as_str).to_owned();
                narrowed(SQL).with(after).with(start).with(end.clone()).with(limit)
            };
            let behind = |row: &Row| Ok(Some(rows::id_at(row, 0)?));
            walk(session, after.clone(), search.limit, call, behind, matching, weight)?
        }
        PromiseOrder::Newest { after } => {
            const SQL: &str = concat!(
                "SELECT ",
                promise_columns!(),
                " FROM promises WHERE (state = ANY($1) OR (state = 0 AND timeout_at <= $2)) AND id LIKE $3 \
                 AND (created_at, id) < ($4, $5) ORDER BY created_at DESC, id DESC LIMIT $6"
            );
            // Behind the end of time there is nothing: whoever starts, starts there.
            let call = |after: &Option<(Timestamp, Id)>, limit| match after {
                None => narrowed(SQL).with(i64::MAX).with(String::new()).with(limit),
                Some((at, id)) => narrowed(SQL).with(millis(*at)).with(id.as_str().to_owned()).with(limit),
            };
            let behind = |row: &Row| {
                let promise = rows::promise(row)?;
                Ok(Some((promise.created_at, promise.id)))
            };
            walk(session, after.clone(), search.limit, call, behind, matching, weight)?
        }
    };
    Ok(Page::Promises(found))
}

fn tasks(session: &mut Session, search: &SearchTasks, now: Timestamp) -> Result<Page, Broken> {
    const SQL: &str = "SELECT p.id, p.state, p.timeout_at, p.created_at, p.settled_at, p.has_waiters, p.create_key, \
         p.complete_key, p.tags, p.param_headers, p.param_data, p.value_headers, p.value_data, t.id, t.state, t.version, \
         t.resumes, t.pid, t.ttl, t.expires_at, t.retry_at, t.executes, t.execute_at FROM tasks t JOIN promises p \
         ON p.id = t.id WHERE t.id > $1 AND t.id >= $2 AND t.id < $3 \
         AND ($4::int2 IS NULL OR t.state = $4 OR (p.state = 0 AND p.timeout_at <= $5)) ORDER BY t.id LIMIT $6";
    let prefix = search.prefix.as_deref().unwrap_or("");
    let (end, state) = (end_of(prefix), search.state.map(|state| state as i16));
    let call = |after: &Option<Id>, limit| {
        let after = after.as_ref().map_or("", Id::as_str).to_owned();
        Call::plain(SQL).with(after).with(prefix).with(end.clone()).with(state).with(millis(now)).with(limit)
    };
    let behind = |row: &Row| Ok(Some(rows::id_at(row, 0)?));
    let matching = |row: &Row| {
        let (promise, task) = (rows::promise(row)?, rows::task_behind_promise(row)?);
        let wanted =
            promise.id.starts_with(prefix) && search.state.is_none_or(|state| task.state_as_of(&promise, now) == state);
        Ok(wanted.then(|| (Arc::new(task), Arc::new(promise))))
    };
    let weight = |(_, promise): &(Arc<Task>, Arc<Promise>)| promise.weight();
    Ok(Page::Tasks(walk(session, search.after.clone(), search.limit, call, behind, matching, weight)?))
}

fn schedules(session: &mut Session, search: &SearchSchedules) -> Result<Page, Broken> {
    const SQL: &str = concat!(
        "SELECT ",
        schedule_columns!(),
        " FROM schedules WHERE id > $1 AND id >= $2 AND id < $3 ORDER BY id LIMIT $4"
    );
    let prefix = search.prefix.as_deref().unwrap_or("");
    let end = end_of(prefix);
    let call = |after: &Option<Id>, limit| {
        let after = after.as_ref().map_or("", Id::as_str).to_owned();
        Call::plain(SQL).with(after).with(prefix).with(end.clone()).with(limit)
    };
    let behind = |row: &Row| Ok(Some(rows::id_at(row, 0)?));
    let matching = |row: &Row| {
        let schedule = rows::schedule(row)?;
        let wanted = schedule.id.starts_with(prefix) && has_all(&schedule.promise_tags, &search.tags);
        Ok(wanted.then(|| Arc::new(schedule)))
    };
    let weight = |schedule: &Arc<Schedule>| schedule.weight();
    Ok(Page::Schedules(walk(session, search.after.clone(), search.limit, call, behind, matching, weight)?))
}

/// The first rows that match and find room: a page of rows at a time, each behind the last of the one before. A row that cannot be read is passed
/// over and logged.
fn walk<'a, P, T>(
    session: &mut Session,
    mut place: P,
    limit: usize,
    call: impl Fn(&P, i64) -> Call<'a>,
    behind: impl Fn(&Row) -> Result<P, Error>,
    matching: impl Fn(&Row) -> Result<Option<T>, Error>,
    weight: impl Fn(&T) -> usize,
) -> Result<Vec<T>, Broken> {
    let (mut found, mut room) = (Vec::new(), PageRoom::of(limit));
    let mut rows_max = limit.saturating_add(1).min(FIRST_ROWS_MAX);
    loop {
        let rows = session.run(&[call(&place, rows_max as i64)])?.pop().unwrap_or_default();
        for row in &rows {
            match matching(row) {
                Ok(None) => {}
                Ok(Some(matched)) => {
                    let another = room.take(weight(&matched));
                    found.push(matched);
                    if !another {
                        return Ok(found);
                    }
                }
                Err(error) if error.is_row() => damage::report(&error),
                Err(error) => return Err(error.into()),
            }
        }
        match rows.last() {
            Some(last) if rows.len() == rows_max => place = behind(last)?,
            Some(_) | None => return Ok(found),
        }
        let bytes: usize = rows.iter().map(Row::raw_size_bytes).sum();
        rows_max = (BYTES_PER_WAY / (bytes / rows.len()).max(1)).clamp(1, ROWS_PER_WAY);
    }
}

/// What every id that can match begins with.
fn start_of<'a>(prefix: &'a str, pattern: Option<&'a IdPattern>) -> &'a str {
    let literal = pattern.map_or("", |pattern| pattern.as_str().split('*').next().unwrap_or_default());
    if literal.starts_with(prefix) && !literal.contains('\0') { literal } else { prefix }
}

/// The first text behind all that begin so: the last character that has a successor is replaced by it.
fn end_of(start: &str) -> String {
    let mut letters: Vec<char> = start.chars().collect();
    while let Some(last) = letters.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            letters.push(next);
            return letters.into_iter().collect();
        }
    }
    // No id is as long.
    char::MAX.to_string().repeat(ID_BYTES_MAX / char::MAX.len_utf8() + 1)
}

/// The numbers of the states that are wanted.
fn states(wanted: Option<StateFilter>) -> Vec<i16> {
    let states = PromiseState::ALL.iter().enumerate();
    states.filter(|(_, state)| wanted.is_none_or(|wanted| wanted.wants(**state))).map(|(n, _)| n as i16).collect()
}

/// The pattern as SQL has it.
fn like(pattern: &IdPattern) -> String {
    let mut like = String::new();
    for letter in pattern.as_str().chars() {
        match letter {
            '*' => like.push('%'),
            // A character that no text of Postgres may hold, and so no id: nothing matches.
            '\0' => like.push('\u{fffd}'),
            '%' | '_' | '\\' => like.extend(['\\', letter]),
            plain => like.push(plain),
        }
    }
    like
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_keeps_its_meaning() {
        assert_eq!(like(&IdPattern::new("a*_%\\b")), "a%\\_\\%\\\\b");
    }

    #[test]
    fn what_begins_so_lies_before_its_end_and_nothing_else() {
        assert_eq!(end_of("ab"), "ac");
        assert_eq!(end_of("a\u{d7ff}"), "a\u{e000}");
        assert_eq!(end_of("a\u{10ffff}"), "b");
        assert!(*"\u{10ffff}".repeat(256) < *end_of("") && *end_of("\u{10ffff}") > *"\u{10ffff}z");
        assert_eq!(start_of("a", Some(&IdPattern::new("ab*c"))), "ab");
        assert_eq!(start_of("ab", Some(&IdPattern::new("a*"))), "ab");
    }

    #[test]
    fn nothing_is_filtered_when_no_state_is_wanted() {
        assert_eq!(states(None).len(), PromiseState::ALL.len());
    }
}
