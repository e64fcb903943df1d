//! Moving the write-ahead log back into the database file. A thread of its own copies most of it beside the writer; the writer finishes what
//! came meanwhile between two batches, so that the log can start over and stays small. Losing a checkpoint loses nothing.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::ffi::SQLITE_IOERR_FSYNC;
use rusqlite::hooks::Wal;

use crate::store::Error;

/// Pages in the log at which it is copied back: 16 MiB.
const LOG_PAGES: i32 = 4096;
/// Pages that the thread may leave for the writer to finish.
const REST_PAGES: i32 = 1024;
/// Rounds of copying after which the writer finishes whatever is left.
const ROUNDS_MAX: usize = 8;
/// Pause after a failed checkpoint.
const PAUSE: Duration = Duration::from_secs(1);

/// What thread and writer tell each other.
#[derive(Debug, Default)]
struct Shared {
    /// Pages in the log after the last commit.
    log_pages: AtomicI32,
    /// The thread is at work.
    copying: AtomicBool,
    /// The thread has copied nearly everything: the writer may finish.
    ready: AtomicBool,
}

/// The writer's end of the checkpoint thread. The thread ends with it, and has closed its connection then: whoever opens the file next finds
/// nobody else.
#[derive(Debug)]
pub(super) struct Checkpointer {
    shared: Arc<Shared>,
    /// There until the end.
    wake: Option<SyncSender<()>>,
    /// There until the end.
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread for a database whose writer is `connection`.
    pub(super) fn start(path: &Path, connection: &mut Connection) -> Result<Self, Error> {
        let shared = Arc::new(Shared::default());
        let (wake, woken) = sync_channel(1);
        let (copier, theirs) = (super::connect(path, 1024)?, Arc::clone(&shared));
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || copy(&copier, &theirs, &woken))
            .map_err(|error| Error::Open(format!("cannot start a thread: {error}")))?;
        let checkpointer = Self { shared, wake: Some(wake), thread: Some(thread) };
        checkpointer.watch(connection)?;
        Ok(checkpointer)
    }

    /// Counts the pages that a connection adds to the log.
    pub(super) fn watch(&self, connection: &mut Connection) -> Result<(), Error> {
        let (shared, wake) = (Arc::clone(&self.shared), self.wake.clone());
        connection.wal_hook(Some(move |_: &mut Wal, pages: i32| {
            shared.log_pages.store(pages, Ordering::Relaxed);
            if pages >= LOG_PAGES
                && !shared.copying.load(Ordering::Relaxed)
                && let Some(wake) = &wake
            {
                // A full channel means that the thread has been told already.
                let _ = wake.try_send(());
            }
            Ok(())
        }))?;
        Ok(())
    }

    /// Finishes what the thread has left, if it is ready. Called between two batches.
    pub(super) fn finish(&self, connection: &Connection) {
        if self.shared.ready.swap(false, Ordering::AcqRel)
            && let Err(error) = checkpoint(connection)
        {
            tracing::warn!(%error, "cannot finish a checkpoint");
        }
    }
}

impl Drop for Checkpointer {
    /// The writer's connection, which can wake the thread too, must have been closed before.
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint thread has panicked");
        }
    }
}

fn copy(connection: &Connection, shared: &Shared, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        shared.copying.store(true, Ordering::Relaxed);
        for _ in 0..ROUNDS_MAX {
            match checkpoint(connection) {
                Ok(copied) if shared.log_pages.load(Ordering::Relaxed) - copied > REST_PAGES => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "cannot checkpoint");
                    std::thread::sleep(PAUSE);
                    break;
                }
            }
        }
        shared.ready.store(true, Ordering::Release);
        shared.copying.store(false, Ordering::Relaxed);
    }
}

/// Copies what can be copied without waiting for anybody; the number of pages of the log that are in the database now.
///
/// Where a sync fails the process ends. The operating system forgets what it could not write, and says so once; SQLite does not copy again what it has
/// copied in an earlier round, so that the next sync would succeed and the log be given up with pages that are nowhere else. Whoever opens the database
/// anew copies all of the log. No connection is closed on the way: the last one would do what must not be done.
fn checkpoint(connection: &Connection) -> Result<i32, rusqlite::Error> {
    let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i32>(2));
    if let Err(rusqlite::Error::SqliteFailure(failure, _)) = &copied
        && failure.extended_code == SQLITE_IOERR_FSYNC
    {
        tracing::error!(
            "the disk could not sync the database: the server ends, and finds everything in the log when it starts again"
        );
        std::process::exit(1);
    }
    copied
}
