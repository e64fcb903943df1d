//! One transaction. It begins with what it loads first, on the same way, and tells nobody before it must.

use std::borrow::Cow;
use std::time::Duration;

use resonate_core::address::Mailbox;
use resonate_core::drive::{Tx, TxError};
use resonate_core::due::{Due, DueKind};
use resonate_core::message::MessageKey;
use resonate_core::read::Read;
use resonate_core::records::Records;
use resonate_core::retention::Settled;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_core::write::Write;
use tokio_postgres::Row;

use super::due::Purpose;
use super::failure::{self, Verdict, verdict};
use super::load::{Locking, Reads};
use super::net::Net;
use super::search::Broken;
use super::session::{Call, Session, Silence, Traffic};
use super::{PostgresStore, Retry, due, search, snapshot, text, write};
use crate::clock::Clock;
use crate::store::rows::Cells;
use crate::store::{CLOCK_AHEAD_MAX, Error};

/// The database's clock: not the instant at which the transaction began, since it may have waited for locks.
pub(super) const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8";

/// Runs in a row after which a task without its promise is not taken for a new one any more.
const CONTRADICTIONS_MAX: u32 = 6;

/// Looks at rows that stay locked before they count as such, and the pause before each.
const LOCK_LOOKS: usize = 4;
const LOCK_LOOK_PAUSE: Duration = Duration::from_millis(30);

/// What a transaction that writes has besides its connection.
#[derive(Debug)]
struct Writing<'a> {
    retry: &'a mut Retry,
    seen: &'a mut Timestamp,
    clock: Option<&'a Clock>,
    metrics: Option<&'a crate::metrics::Metrics>,
}

/// One transaction; undone when dropped without a commit.
#[derive(Debug)]
pub struct PostgresTx<'a> {
    session: &'a mut Session,
    /// Nothing for one that only reads.
    writing: Option<Writing<'a>>,
    /// Whether the database has been told to begin.
    open: bool,
    now: Option<Timestamp>,
    /// What was read by key so far.
    asked: Vec<Read>,
    net: Net,
}

impl<'a> PostgresTx<'a> {
    pub(super) fn writing(store: &'a mut PostgresStore) -> Self {
        let PostgresStore { options, session, retry, clock, seen } = store;
        let writing = Writing { retry, seen, clock: clock.as_ref(), metrics: options.metrics.as_deref() };
        Self::new(session, Some(writing))
    }

    pub(super) fn reading(session: &'a mut Session) -> Self {
        Self::new(session, None)
    }

    fn new(session: &'a mut Session, writing: Option<Writing<'a>>) -> Self {
        Self { session, writing, open: false, now: None, asked: Vec::new(), net: Net::default() }
    }

    const fn begin(&self) -> &'static str {
        match self.writing {
            Some(_) => "BEGIN ISOLATION LEVEL READ COMMITTED",
            None => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// What the next run has to know of this one, which met another transaction.
    fn conflict(&mut self) -> TxError<Error> {
        if let Some(Writing { retry, .. }) = &mut self.writing {
            retry.conflicts = retry.conflicts.saturating_add(1);
            retry.again = std::mem::take(&mut self.asked);
        }
        TxError::Conflict
    }

    fn failed(&mut self, silence: Silence, locking: Locking) -> TxError<Error> {
        let error = match silence {
            Silence::Failed(error) if self.writing.is_some() => error,
            // Another connection may be better.
            Silence::Closed if self.writing.is_some() => return self.conflict(),
            other => return TxError::Store(other.into()),
        };
        // A row that somebody has, taken halfway: in order it could be waited for.
        let halfway = locking == Locking::Refuse && verdict(&error) == Verdict::Locked;
        match if halfway { TxError::Conflict } else { failure::before_commit(&error) } {
            TxError::Conflict => self.conflict(),
            TxError::Store(Error::Locked { why, rows: _ }) => {
                // Which they are, so that only who wants them goes without.
                let rows = self.locked_rows().unwrap_or_default();
                TxError::Store(Error::Locked { why, rows })
            }
            other @ TxError::Store(_) => other,
        }
    }

    /// Those of the rows that were asked for that somebody else has for long: other servers' batches have theirs for moments. The transaction is
    /// over.
    fn locked_rows(&mut self) -> Result<Vec<Read>, Error> {
        self.open = false;
        let mut locked = std::mem::take(&mut self.asked);
        self.session.run(&[Call::plain("ROLLBACK")])?;
        for _ in 0..LOCK_LOOKS {
            std::thread::sleep(LOCK_LOOK_PAUSE);
            let asked = std::mem::take(&mut locked);
            let sorted = Reads::of(asked.iter());
            let mut calls = vec![Call::plain("BEGIN")];
            calls.extend(sorted.calls(Locking::Nothing));
            calls.extend(sorted.calls(Locking::Skip));
            calls.push(Call::plain("ROLLBACK"));
            let mut answers = self.session.run(&calls)?.into_iter().skip(1);
            let (mut there, mut free) = (Records::open(), Records::open());
            sorted.learn(&mut answers, &mut there)?;
            sorted.learn(&mut answers, &mut free)?;
            locked.extend(asked.iter().filter(|read| there.has(read) && !free.has(read)).cloned());
            if locked.is_empty() {
                break;
            }
        }
        Ok(locked)
    }

    /// Sets the instant of this transaction behind its locks: never before one that this server has seen, nor before those in the rows.
    fn set_clock(&mut self, clock: &[Row], latest: Timestamp) {
        let database = instant(clock);
        if let Some(Writing { seen, clock, .. }) = &mut self.writing {
            clock.iter().for_each(|clock| clock.follows(database));
            let now = database.max(**seen);
            // A row of the far future must not take everything else along.
            let now = if latest.since(now) > CLOCK_AHEAD_MAX { now } else { now.max(latest) };
            **seen = now;
            self.now = Some(now);
        }
    }

    /// Runs statements outside of a transaction, or in this one, with another connection if need be.
    pub(super) fn look(&mut self, calls: &[Call<'_>]) -> Result<Vec<Vec<Row>>, Error> {
        match self.session.run(calls) {
            Err(silence) if !self.open && may_be_mended(&silence) => {
                self.session.ensure()?;
                Ok(self.session.run(calls)?)
            }
            other => Ok(other?),
        }
    }
}

fn may_be_mended(silence: &Silence) -> bool {
    match silence {
        Silence::Closed => true,
        Silence::Late => false,
        Silence::Failed(error) => match verdict(error) {
            Verdict::Lost | Verdict::Again => true,
            Verdict::Locked | Verdict::Guard | Verdict::Refused | Verdict::Failed => false,
        },
    }
}

impl Tx for PostgresTx<'_> {
    type Error = Error;

    fn load(&mut self, reads: &[Read], records: &mut Records) -> Result<(), TxError<Error>> {
        let first = !self.open;
        let again = match &mut self.writing {
            Some(Writing { retry, .. }) if first => std::mem::take(&mut retry.again),
            Some(_) | None => Vec::new(),
        };
        let sorted = Reads::of(reads.iter().chain(&again));
        let locking = match (&self.writing, first) {
            (None, _) => Locking::Nothing,
            (Some(_), true) => Locking::Wait,
            (Some(_), false) => Locking::Refuse,
        };
        let with_clock = first && self.writing.as_ref().is_some_and(|writing| writing.clock.is_some());
        if first {
            self.session.traffic = Traffic::default();
        }
        let mut calls = Vec::new();
        calls.extend(first.then(|| Call::plain(self.begin())));
        calls.extend(sorted.calls(locking));
        calls.extend(with_clock.then(|| Call::plain(CLOCK)));
        self.asked.extend(reads.iter().chain(&again).filter(|read| is_by_key(read)).cloned());
        self.open = true;
        let answers = self.session.run(&calls).map_err(|silence| self.failed(silence, locking))?;
        let mut answers = answers.into_iter().skip(usize::from(first));
        let latest = sorted.learn(&mut answers, records)?;
        if with_clock {
            self.set_clock(&answers.next().unwrap_or_default(), latest);
        } else if self.now.is_some_and(|now| latest > now && latest.since(now) <= CLOCK_AHEAD_MAX) {
            // Somebody has changed a row after this transaction's instant: the next run knows it from the start.
            return Err(self.conflict());
        }
        if let Some(Writing { retry, .. }) = &mut self.writing
            && retry.contradictions < CONTRADICTIONS_MAX
            && records.contradiction().is_some()
        {
            // Promises were read before their tasks: what was created between the two is there by half. What stays like that is damaged, and the
            // core's to complain of.
            retry.contradictions += 1;
            return Err(self.conflict());
        }
        for read in &sorted.searches {
            match search::page(self.session, read) {
                Ok(page) => records.learn_page((*read).clone(), page),
                // A search that takes too long fails alone.
                Err(Broken::Silence(Silence::Late)) => {
                    let why = "a search has taken too long".to_owned();
                    return Err(Error::Locked { why, rows: Vec::new() }.into());
                }
                Err(Broken::Silence(silence)) => return Err(self.failed(silence, Locking::Nothing)),
                Err(Broken::Row(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn clock(&self) -> Option<Timestamp> {
        self.now
    }

    fn is_far(&self) -> bool {
        true
    }

    fn due(&mut self, kinds: &[DueKind], until: Timestamp, limit: usize) -> Result<Vec<Due>, Error> {
        // In a transaction that is undone: what is passed over is in the hands of another server's batch, and looking leaves nothing to log.
        let mut calls = vec![Call::plain("BEGIN")];
        calls.extend(kinds.iter().map(|kind| due::due(*kind, until, limit, Purpose::Pick)));
        calls.push(Call::plain("ROLLBACK"));
        found_due(kinds, self.look(&calls)?.get(1..).unwrap_or_default())
    }

    fn next_due(&mut self, kinds: &[DueKind], limit: usize) -> Result<Vec<Due>, Error> {
        let call = |kind: &DueKind| due::due(*kind, Timestamp::MAX, limit, Purpose::Look);
        let mut calls: Vec<Call<'_>> = kinds.iter().map(call).collect();
        calls.push(Call::plain(CLOCK));
        let answers = self.look(&calls)?;
        if let (Some(Writing { clock: Some(clock), .. }), Some(answer)) = (&self.writing, answers.last()) {
            // Whoever has nothing to write still goes by the database's clock.
            clock.follows(instant(answer));
        }
        found_due(kinds, &answers)
    }

    fn parked(&mut self, mailbox: &Mailbox, prefix: Option<&str>, limit: usize) -> Result<Vec<MessageKey>, Error> {
        let calls = [Call::plain("BEGIN"), due::parked(mailbox, prefix, limit), Call::plain("ROLLBACK")];
        let found = self.look(&calls)?;
        due::parked_of(found.get(1).map_or(&[], Vec::as_slice), prefix)
    }

    fn settled(&mut self, after: Option<&Settled>, before: Timestamp, limit: usize) -> Result<Vec<Settled>, Error> {
        let found = self.look(&[due::settled(after, before, limit)])?;
        due::settled_of(found.first().map_or(&[], Vec::as_slice))
    }

    fn snapshot(&mut self) -> Result<Snapshot, Error> {
        let mut calls = vec![Call::plain("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")];
        calls.extend(snapshot::calls());
        calls.push(Call::plain("COMMIT"));
        let mut answers = self.look(&calls)?;
        answers.remove(0);
        snapshot::of(answers)
    }

    fn write(&mut self, writes: &[Write]) -> Result<(), TxError<Error>> {
        for write in writes {
            if self.net.add(write).is_err() {
                return Err(self.conflict());
            }
        }
        Ok(())
    }

    fn commit(mut self) -> Result<(), TxError<Error>> {
        let net = std::mem::take(&mut self.net);
        let mut calls = Vec::new();
        calls.extend((!self.open).then(|| Call::plain(self.begin())));
        calls.extend(write::calls(&net));
        // Where nothing has changed there are only locks to give back, and nothing to wait for the disk for.
        let changes = calls.len() > usize::from(!self.open);
        calls.push(Call::plain(if changes { "COMMIT" } else { "ROLLBACK" }));
        match self.session.run(&calls) {
            Ok(_) => {}
            Err(Silence::Failed(error)) => {
                return Err(match failure::at_commit(&error) {
                    TxError::Conflict => self.conflict(),
                    other @ TxError::Store(_) => other,
                });
            }
            // It was closed before anything was sent.
            Err(Silence::Closed) => return Err(self.conflict()),
            Err(silence) => return Err(TxError::Store(silence.into())),
        }
        self.open = false;
        let traffic = self.session.traffic;
        if let Some(Writing { retry, metrics, .. }) = &mut self.writing {
            **retry = Retry::default();
            if let Some(metrics) = metrics {
                metrics.batch_round_trips.observe(f64::from(traffic.round_trips));
                metrics.batch_statements.observe(f64::from(traffic.statements));
            }
        }
        Ok(())
    }
}

impl Drop for PostgresTx<'_> {
    fn drop(&mut self) {
        if self.open
            && let Err(silence) = self.session.run(&[Call::plain("ROLLBACK")])
        {
            // Without a connection there is nothing to undo; any other is not trusted with the next transaction.
            tracing::debug!(error = %Error::from(silence), "cannot roll back");
            self.session.close();
        }
    }
}

/// What [`CLOCK`] shows.
fn instant(clock: &[Row]) -> Timestamp {
    let millis = clock.first().map_or(0, |row| row.get::<_, i64>(0));
    Timestamp::saturating(millis.unsigned_abs())
}

fn is_by_key(read: &Read) -> bool {
    match read {
        Read::Promise(_) | Read::Task(_) | Read::Schedule(_) | Read::Message(_) => true,
        Read::CallbacksOf { .. }
        | Read::ListenersOf { .. }
        | Read::UnblocksOf { .. }
        | Read::ReferringTo { .. }
        | Read::HeldBy { .. }
        | Read::Branch { .. }
        | Read::Promises { .. }
        | Read::Tasks { .. }
        | Read::Schedules { .. } => false,
    }
}

fn found_due(kinds: &[DueKind], answers: &[Vec<Row>]) -> Result<Vec<Due>, Error> {
    let mut found = Vec::new();
    for (kind, rows) in kinds.iter().zip(answers) {
        found.extend(due::due_of(*kind, rows)?);
    }
    Ok(found)
}

impl Cells for Row {
    fn integer(&self, column: usize) -> Result<Option<i64>, String> {
        use tokio_postgres::types::Type;
        let kind = self.columns().get(column).map(tokio_postgres::Column::type_);
        let read = match kind {
            Some(&Type::INT2) => self.try_get::<_, Option<i16>>(column).map(|number| number.map(i64::from)),
            Some(&Type::INT4) => self.try_get::<_, Option<i32>>(column).map(|number| number.map(i64::from)),
            Some(&Type::BOOL) => self.try_get::<_, Option<bool>>(column).map(|flag| flag.map(i64::from)),
            Some(_) | None => self.try_get(column),
        };
        read.map_err(|error| error.to_string())
    }

    fn text(&self, column: usize) -> Result<Option<Cow<'_, str>>, String> {
        let text: Option<&str> = self.try_get(column).map_err(|error| error.to_string())?;
        Ok(text.map(Cow::Borrowed))
    }

    fn free_text(&self, column: usize) -> Result<Option<Cow<'_, str>>, String> {
        let stored: Option<&str> = self.try_get(column).map_err(|error| error.to_string())?;
        let read = stored.map(text::read).transpose().map_err(|error| error.to_string())?;
        Ok(read.map(Cow::Owned))
    }
}
