//! The SQLite store: one file in WAL mode, one connection that writes, others that read beside it. An acknowledged commit has been synced to
//! disk (`synchronous=FULL` by default).

mod bulk;
mod checkpoint;
mod load;
mod log;
mod schema;
mod search;
mod snapshot;
mod write;

use std::borrow::Cow;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use resonate_core::address::Mailbox;
use resonate_core::drive::{Reset, Store, Tx, TxError};
use resonate_core::due::{Due, DueKind};
use resonate_core::message::MessageKey;
use resonate_core::read::Read;
use resonate_core::records::Records;
use resonate_core::retention::Settled;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_core::write::Write;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::rows::Cells;
use super::schema::Standing;
use super::{Error, HostStore, ReadStore};
pub use bulk::{SqliteSink, SqliteSource};
use checkpoint::Checkpointer;

/// How long a statement waits for another process that holds the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// How often the lock of a file is asked for, and the time between.
const LOCK_ATTEMPTS: u32 = 25;
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// Page cache of the writer, in KiB.
const WRITER_CACHE_KIB: i64 = 48 * 1024;
/// Page cache of each connection that reads by key, in KiB.
const READER_CACHE_KIB: i64 = 48 * 1024;
/// Page cache of the connection that searches, in KiB: a scan has no use for what it has read.
const SEARCHER_CACHE_KIB: i64 = 4 * 1024;
/// Prepared statements kept by each connection.
const STATEMENTS_MAX: usize = 64;

/// How far the tables of a database file are; nothing when there is no file, which is not created.
///
/// # Errors
/// [`Error::Open`] says what is wrong with the file and what to do about it.
pub fn standing(path: &Path) -> Result<Option<Standing>, Error> {
    if matches!(path.try_exists(), Ok(false)) {
        return Ok(None);
    }
    let look = || schema::standing(&open_existing(path)?, &path.display().to_string());
    look().map(Some).map_err(|error| explain(path, error))
}

/// Brings a database file to this version, and creates it if need be. Returns the version that it had.
///
/// # Errors
/// [`Error::Open`] says what is wrong with the file and what to do about it, also when a server runs on it.
pub fn migrate(path: &Path, synchronous: &str) -> Result<i64, Error> {
    let _lock = lock(path)?;
    let mut connection = connect_writer(path, synchronous)?;
    schema::migrate(&mut connection, &path.display().to_string()).map_err(|error| explain(path, error))
}

/// The writing side of a database file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    synchronous: String,
    connection: Connection,
    checkpointer: Checkpointer,
    /// Held as long as the store is open: a second server on the same file would answer from a state that this one is changing.
    _lock: File,
}

impl SqliteStore {
    /// Opens or creates a database file and brings it to this version. `synchronous` is SQLite's pragma of that name.
    ///
    /// # Errors
    /// [`Error::Open`] says what is wrong with the file and what to do about it.
    pub fn open(path: &Path, synchronous: &str) -> Result<Self, Error> {
        let store = Self::open_unfinished(path, synchronous)?;
        bulk::refuse_unfinished(&store.connection, path)?;
        Ok(store)
    }

    /// The same, also when a copy has not put everything there yet.
    fn open_unfinished(path: &Path, synchronous: &str) -> Result<Self, Error> {
        let lock = lock(path)?;
        let mut connection = connect_writer(path, synchronous)?;
        schema::migrate(&mut connection, &path.display().to_string()).map_err(|error| explain(path, error))?;
        if synchronous != "off" {
            log::make_durable(&mut connection, path)?;
        }
        let checkpointer = Checkpointer::start(path, &mut connection)?;
        Ok(Self { path: path.to_owned(), synchronous: synchronous.to_owned(), connection, checkpointer, _lock: lock })
    }

    /// A reader beside the writer, for reads by key.
    ///
    /// # Errors
    /// [`Error::Open`] when the file cannot be opened.
    pub fn reader(&self) -> Result<SqliteReader, Error> {
        SqliteReader::open(&self.path, READER_CACHE_KIB)
    }

    /// A reader beside the writer, for searches.
    ///
    /// # Errors
    /// [`Error::Open`] when the file cannot be opened.
    pub fn searcher(&self) -> Result<SqliteReader, Error> {
        SqliteReader::open(&self.path, SEARCHER_CACHE_KIB)
    }

    /// The latest instant at which a promise was created: the clock must not start before it.
    ///
    /// # Errors
    /// The database's.
    pub fn last_created_at(&self) -> Result<Timestamp, Error> {
        let sql = "SELECT max(created_at) FROM promises";
        let millis: Option<i64> = self.connection.query_row(sql, [], |row| row.get(0))?;
        Ok(Timestamp::saturating(millis.unwrap_or(0).unsigned_abs()))
    }
}

impl Store for SqliteStore {
    type Error = Error;
    type Tx<'a> = SqliteTx<'a>;

    fn begin(&mut self) -> Result<SqliteTx<'_>, Error> {
        SqliteTx::begin(&self.connection, "BEGIN IMMEDIATE")
    }
}

impl HostStore for SqliteStore {
    fn reopen(&mut self) -> Result<(), Error> {
        let mut connection = connect_writer(&self.path, &self.synchronous)?;
        schema::touch(&connection)?;
        self.checkpointer.watch(&mut connection)?;
        self.connection = connection;
        Ok(())
    }

    fn rest(&mut self) {
        self.checkpointer.finish(&self.connection);
    }
}

impl Reset for SqliteStore {
    fn reset(&mut self) -> Result<(), Error> {
        schema::empty(&mut self.connection)
    }
}

/// The reading side of a database file.
#[derive(Debug)]
pub struct SqliteReader {
    path: PathBuf,
    cache_kib: i64,
    connection: Connection,
}

impl SqliteReader {
    fn open(path: &Path, cache_kib: i64) -> Result<Self, Error> {
        let connection = connect(path, cache_kib).map_err(|error| explain(path, error))?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(Self { path: path.to_owned(), cache_kib, connection })
    }
}

impl ReadStore for SqliteReader {
    type Tx<'a> = SqliteTx<'a>;

    fn begin_read(&mut self) -> Result<SqliteTx<'_>, Error> {
        SqliteTx::begin(&self.connection, "BEGIN")
    }

    fn reopen(&mut self) -> Result<(), Error> {
        *self = Self::open(&self.path, self.cache_kib)?;
        Ok(())
    }
}

/// One transaction; undone when dropped without a commit.
#[derive(Debug)]
pub struct SqliteTx<'a> {
    connection: &'a Connection,
    open: bool,
    /// As it was before the writes of this transaction, which come last.
    resumed: Option<load::Resumed>,
}

impl<'a> SqliteTx<'a> {
    fn begin(connection: &'a Connection, sql: &str) -> Result<Self, Error> {
        connection.prepare_cached(sql)?.execute([])?;
        Ok(Self { connection, open: true, resumed: None })
    }
}

impl Tx for SqliteTx<'_> {
    type Error = Error;

    fn load(&mut self, reads: &[Read], records: &mut Records) -> Result<(), TxError<Error>> {
        let Self { connection, resumed, open: _ } = self;
        Ok(reads.iter().try_for_each(|read| load::load(connection, read, resumed, records))?)
    }

    fn due(&mut self, kinds: &[DueKind], until: Timestamp, limit: usize) -> Result<Vec<Due>, Error> {
        let mut due = Vec::new();
        for kind in kinds {
            due.extend(load::due(self.connection, *kind, until, limit)?);
        }
        Ok(due)
    }

    fn parked(&mut self, mailbox: &Mailbox, prefix: Option<&str>, limit: usize) -> Result<Vec<MessageKey>, Error> {
        load::parked(self.connection, mailbox, prefix, limit)
    }

    fn settled(&mut self, after: Option<&Settled>, before: Timestamp, limit: usize) -> Result<Vec<Settled>, Error> {
        load::settled(self.connection, after, before, limit)
    }

    fn snapshot(&mut self) -> Result<Snapshot, Error> {
        snapshot::snapshot(self.connection)
    }

    fn write(&mut self, writes: &[Write]) -> Result<(), TxError<Error>> {
        writes.iter().try_for_each(|write| write::write(self.connection, write))
    }

    fn commit(mut self) -> Result<(), TxError<Error>> {
        self.connection.prepare_cached("COMMIT").map_err(Error::from)?.execute([]).map_err(Error::from)?;
        self.open = false;
        Ok(())
    }
}

impl Drop for SqliteTx<'_> {
    fn drop(&mut self) {
        // SQLite itself rolls back after some errors; then there is nothing left to undo.
        if self.open && !self.connection.is_autocommit() {
            let undone = self.connection.prepare_cached("ROLLBACK").and_then(|mut statement| statement.execute([]));
            if let Err(error) = undone {
                tracing::error!(%error, "cannot roll back");
            }
        }
    }
}

impl Cells for rusqlite::Row<'_> {
    fn integer(&self, column: usize) -> Result<Option<i64>, String> {
        self.get(column).map_err(|error| error.to_string())
    }

    fn text(&self, column: usize) -> Result<Option<Cow<'_, str>>, String> {
        let value = self.get_ref(column).map_err(|error| error.to_string())?;
        Ok(value.as_str_or_null().map_err(|error| error.to_string())?.map(Cow::Borrowed))
    }
}

fn connect_writer(path: &Path, synchronous: &str) -> Result<Connection, Error> {
    let connect = || -> Result<Connection, Error> {
        let connection = connect(path, WRITER_CACHE_KIB)?;
        if connection.is_readonly("main")? {
            // SQLite opens what it may not write for reading, and finds nothing wrong until the first write.
            return Err(read_only(path));
        }
        // The next step changes the file: not before it is known to be of this server.
        schema::check(&connection, &path.display().to_string())?;
        configure_writer(&connection, synchronous)?;
        Ok(connection)
    };
    connect().map_err(|error| explain(path, error))
}

fn configure_writer(connection: &Connection, synchronous: &str) -> Result<(), Error> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        let why = "SQLite cannot keep a write-ahead log beside the database there: choose a folder on a local disk";
        return Err(Error::Open(format!("{why} (its journal mode stays {mode})")));
    }
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(())
}

/// Opens a file that is there.
fn open_existing(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

fn connect(path: &Path, cache_kib: i64) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}

/// Makes sure that no other server runs on the file.
fn lock(path: &Path) -> Result<File, Error> {
    let shown = path.display();
    // By its real name: a link to the file must not lead around the lock.
    let mut name = real_path(path).into_os_string();
    name.push("-lock");
    let file = File::options().create(true).truncate(false).write(true).open(PathBuf::from(name));
    let file = file.map_err(|error| Error::Open(format!("cannot create the lock file beside {shown}: {error}")))?;
    for attempt in 1.. {
        match file.try_lock() {
            Ok(()) => break,
            // Who has just ended may still be leaving, and a process that was being started meanwhile holds its files until it runs.
            Err(std::fs::TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS => std::thread::sleep(LOCK_PAUSE),
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(Error::InUse(format!(
                    "{shown} is in use by another server or a copy: stop it, or choose another file"
                )));
            }
            Err(std::fs::TryLockError::Error(error)) => {
                return Err(Error::Open(format!("cannot lock {shown}: {error}")));
            }
        }
    }
    Ok(file)
}

/// The path without links, as far as it exists already.
pub(super) fn real_path(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    path.canonicalize().unwrap_or_else(|_| match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        (Ok(_) | Err(_), _) => path.to_owned(),
    })
}

fn read_only(path: &Path) -> Error {
    Error::Open(format!("{} is read-only: the server must be able to write to it", path.display()))
}

/// Says what is wrong with a file that cannot be opened, and what to do about it.
fn explain(path: &Path, error: impl Into<Error>) -> Error {
    let error = match error.into() {
        Error::Sqlite(error) => error,
        other => return other,
    };
    let shown = path.display();
    Error::Open(match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) => {
            format!("cannot open {shown}: check that its folder exists and may be written to")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => return read_only(path),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("{shown} is locked by another program: close it, then start again")
        }
        Some(ErrorCode::NotADatabase) => format!("{shown} is not a database file: choose another file"),
        Some(ErrorCode::DatabaseCorrupt) => {
            format!("{shown} is damaged ({error}): restore it from a backup, or recover it with sqlite3's .recover")
        }
        Some(ErrorCode::DiskFull) => format!("cannot open {shown}: the disk is full"),
        _ => format!("cannot open {shown}: {error}"),
    })
}
