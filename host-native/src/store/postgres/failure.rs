//! What a failure of Postgres means for a transaction: run it again, give up on one request, or open the connection anew.

use resonate_core::drive::TxError;
use tokio_postgres::error::SqlState;

use crate::store::Error;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Another transaction was in the way: again.
    Again,
    /// A row stayed locked, or a statement took too long: others may succeed.
    Locked,
    /// A guard of a write did not hold: again.
    Guard,
    /// A value that the database does not take.
    Refused,
    /// The connection is gone.
    Lost,
    /// Nothing that repeating would change.
    Failed,
}

/// Judges a failure.
pub(super) fn verdict(error: &tokio_postgres::Error) -> Verdict {
    let Some(code) = error.code() else {
        return if error.as_db_error().is_some() { Verdict::Failed } else { Verdict::Lost };
    };
    if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED {
        return Verdict::Again;
    }
    if *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::QUERY_CANCELED {
        return Verdict::Locked;
    }
    if *code == SqlState::UNIQUE_VIOLATION || *code == SqlState::DIVISION_BY_ZERO {
        return Verdict::Guard;
    }
    if matches!(&code.code()[..2], "22" | "54") {
        return Verdict::Refused;
    }
    // Classes of the standard: connections, shutdowns, a server that is not (any more) the one that writes.
    let class = &code.code()[..2];
    // A plan that a migration has overtaken is made anew by a new connection.
    let gone = *code == SqlState::FEATURE_NOT_SUPPORTED
        || class == "08"
        || class == "57"
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION;
    if gone || *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT { Verdict::Lost } else { Verdict::Failed }
}

/// The error of a transaction of which nothing has been sent that would commit it: what another run may mend is a conflict.
pub(super) fn before_commit(error: &tokio_postgres::Error) -> TxError<Error> {
    match verdict(error) {
        Verdict::Again | Verdict::Guard | Verdict::Lost => {
            tracing::debug!(error = explain(error), "running a transaction again");
            TxError::Conflict
        }
        Verdict::Locked => TxError::Store(Error::Locked { why: explain(error), rows: Vec::new() }),
        Verdict::Refused => TxError::Store(refused(error)),
        Verdict::Failed => TxError::Store(Error::Postgres(explain(error))),
    }
}

/// The error of a transaction that may have been committed.
pub(super) fn at_commit(error: &tokio_postgres::Error) -> TxError<Error> {
    match verdict(error) {
        // The database has refused: nothing was committed. A row that is locked here is one that somebody else is about to insert.
        Verdict::Again | Verdict::Guard => TxError::Conflict,
        Verdict::Locked if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => TxError::Conflict,
        Verdict::Locked => TxError::Store(Error::Locked { why: explain(error), rows: Vec::new() }),
        Verdict::Refused => TxError::Store(refused(error)),
        Verdict::Lost | Verdict::Failed => TxError::Store(Error::Postgres(explain(error))),
    }
}

/// One request is at fault, whichever: others may succeed.
fn refused(error: &tokio_postgres::Error) -> Error {
    Error::Row { table: "the database", why: explain(error) }
}

/// What Postgres says, in one line.
pub(super) fn explain(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    match error.as_db_error() {
        Some(said) => {
            let detail = said.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
            format!("{}{detail} [SQLSTATE {}]", said.message(), said.code().code())
        }
        None => match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    }
}
