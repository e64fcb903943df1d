//! Background work and parked messages: the first rows of an index. Rows that another server has in its hands are passed over.

use resonate_core::address::Mailbox;
use resonate_core::due::{Due, DueKind};
use resonate_core::message::MessageKey;
use resonate_core::retention::Settled;
use resonate_core::time::Timestamp;
use tokio_postgres::Row;

use super::session::Call;
use crate::store::rows::{self, millis};
use crate::store::{Error, damage};

/// Whether rows are picked to be done now, or only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Pick,
    Look,
}

macro_rules! by_purpose {
    ($purpose:expr, $sql:expr) => {
        match $purpose {
            Purpose::Pick => concat!($sql, " FOR UPDATE SKIP LOCKED"),
            Purpose::Look => $sql,
        }
    };
}

/// The statement for the first rows of a kind that are due.
pub(super) fn due(kind: DueKind, until: Timestamp, limit: usize, purpose: Purpose) -> Call<'static> {
    let sql = match kind {
        DueKind::Deadline => by_purpose!(
            purpose,
            "SELECT timeout_at, id FROM promises WHERE state = 0 AND timeout_at <= $1 ORDER BY timeout_at LIMIT $2"
        ),
        DueKind::Discharge => by_purpose!(
            purpose,
            "SELECT settled_at, id FROM promises WHERE has_waiters AND state <> 0 AND settled_at <= $1 \
             ORDER BY settled_at LIMIT $2"
        ),
        DueKind::Lease => by_purpose!(
            purpose,
            "SELECT expires_at, id FROM tasks WHERE expires_at IS NOT NULL AND expires_at <= $1 ORDER BY expires_at LIMIT $2"
        ),
        DueKind::Retry => by_purpose!(
            purpose,
            "SELECT retry_at, id FROM tasks WHERE retry_at IS NOT NULL AND retry_at <= $1 ORDER BY retry_at LIMIT $2"
        ),
        DueKind::Schedule => by_purpose!(
            purpose,
            "SELECT next_run_at, id FROM schedules WHERE next_run_at <= $1 ORDER BY next_run_at LIMIT $2"
        ),
        DueKind::Message => by_purpose!(
            purpose,
            "SELECT due_at, kind, id, address FROM outbox WHERE due_at <= $1 ORDER BY due_at LIMIT $2"
        ),
    };
    // What is due never is not due: the last instant stands for it.
    let has_never = matches!(kind, DueKind::Schedule | DueKind::Message);
    let until = millis(until).min(millis(Timestamp::MAX) - i64::from(has_never));
    Call::plain(sql).with(until).with(i64::try_from(limit).unwrap_or(i64::MAX))
}

/// The rows that a statement of [`due`] has found.
pub(super) fn due_of(kind: DueKind, found: &[Row]) -> Result<Vec<Due>, Error> {
    readable(found, |row| rows::due(row, kind))
}

/// The statement for those of the mailboxes that hold anything.
pub(super) fn filled(mailboxes: &[Mailbox]) -> Call<'static> {
    const SQL: &str = "SELECT mailbox FROM unnest($1::text[]) AS asked(mailbox) \
         CROSS JOIN LATERAL (SELECT 1 FROM outbox o WHERE o.mailbox = asked.mailbox LIMIT 1) AS held";
    Call::plain(SQL).with(mailboxes.iter().map(|mailbox| mailbox.as_str().to_owned()).collect::<Vec<_>>())
}

/// The statement for the first settled promises. Whoever else removes them meanwhile, removes the same.
pub(super) fn settled(after: Option<&Settled>, before: Timestamp, limit: usize) -> Call<'_> {
    const SQL: &str = "SELECT settled_at, id FROM promises WHERE settled_at IS NOT NULL \
         AND (settled_at, id) > ($1, $2) AND settled_at < $3 ORDER BY settled_at, id LIMIT $4";
    let (at, id) = after.map_or((-1, ""), |(at, id)| (millis(*at), id.as_str()));
    Call::plain(SQL).with(at).with(id).with(millis(before)).with(i64::try_from(limit).unwrap_or(i64::MAX))
}

/// The rows that a statement of [`settled`] has found.
pub(super) fn settled_of(found: &[Row]) -> Result<Vec<Settled>, Error> {
    readable(found, rows::settled)
}

/// The statement for the first parked messages of a mailbox.
pub(super) fn parked<'a>(mailbox: &'a Mailbox, prefix: Option<&'a str>, limit: usize) -> Call<'a> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    match prefix {
        None => {
            const SQL: &str = "SELECT kind, id, address FROM outbox WHERE mailbox = $1 \
                 ORDER BY created_at, kind, id, listener LIMIT $2 FOR UPDATE SKIP LOCKED";
            Call::plain(SQL).with(mailbox.as_str()).with(limit)
        }
        Some(prefix) => {
            const SQL: &str = "SELECT kind, id, address FROM outbox WHERE mailbox = $1 AND id >= $3 \
                 ORDER BY id, kind, listener LIMIT $2 FOR UPDATE SKIP LOCKED";
            Call::plain(SQL).with(mailbox.as_str()).with(limit).with(prefix)
        }
    }
}

/// The keys that a statement of [`parked`] has found, of those with the prefix.
pub(super) fn parked_of(found: &[Row], prefix: Option<&str>) -> Result<Vec<MessageKey>, Error> {
    let mut keys = readable(found, |row| rows::message_key(row, 0))?;
    let prefix = prefix.unwrap_or("");
    let end = keys.iter().position(|key| !key.id().starts_with(prefix)).unwrap_or(keys.len());
    keys.truncate(end);
    Ok(keys)
}

/// The rows that can be read. One that cannot is passed over: it must not stop the others.
fn readable<T>(found: &[Row], read: impl Fn(&Row) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    let mut all = Vec::with_capacity(found.len());
    for row in found {
        match read(row) {
            Ok(row) => all.push(row),
            Err(error) if error.is_row() => damage::report(&error),
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}
