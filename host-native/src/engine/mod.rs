//! The engine: requests of all connections become batches of one writer, reads are answered beside it. It owns the queues and their bounds; what
//! requests mean is the core's, what a disk is the store's.

mod after_commit;
mod background;
mod caught;
mod claims;
mod debug;
mod health;
mod reader;
mod retention;
mod told;
mod transports;
mod writer;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use resonate_core::drive::Beside;
use resonate_core::id::Id;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::time::{Millis, Timestamp};
use resonate_core::wire::envelope::DebugCall;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

pub use debug::DebugAnswer;
pub use told::Told;
pub use transports::{NoTransports, Pull, Transports};

use debug::DebugJob;
use told::ReadAnswer;
use writer::Input;

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::recorder::Recorder;
use crate::store::{HostStore, ReadStore};

/// Bounds of the engine. A full queue answers at once; it does not grow.
pub mod limits {
    use std::time::Duration;

    /// Requests that wait for the writer, or for a reader.
    pub const QUEUE_REQUESTS_MAX: usize = 8192;
    /// Bytes of the requests that wait for the writer.
    pub const QUEUE_BYTES_MAX: usize = 64 << 20;
    /// Requests in one batch.
    pub const BATCH_REQUESTS_MAX: usize = 1024;
    /// Bytes of the requests in one batch.
    pub const BATCH_BYTES_MAX: usize = 8 << 20;
    /// Times that a search is run again after what it found past its deadline has been settled; then the writer runs it.
    pub const READ_ROUNDS_MAX: usize = 4;
    /// Reads answered over one view.
    pub const READ_BATCH_MAX: usize = 256;
    /// Threads that answer reads by key.
    pub const READERS: usize = 1;
    /// The same over Postgres, where each waits for the way there and back.
    pub const POSTGRES_READERS: usize = 2;
    /// Background requests of each kind in a batch that clients wait for.
    pub const BACKGROUND_BUSY_MAX: usize = 256;
    /// Background requests of each kind in a batch that nobody waits for.
    pub const BACKGROUND_IDLE_MAX: usize = 1024;
    /// Settled promises that are looked at in a batch that clients wait for.
    pub const PURGES_BUSY_MAX: usize = 48;
    /// Settled promises that are looked at in a batch that nobody waits for.
    pub const PURGES_IDLE_MAX: usize = 256;
    /// Longest time until settled promises that had to stay are looked at again. Where they go sooner, it is that soon.
    pub const RETENTION_ROUND_MAX: Duration = Duration::from_secs(3600);
    /// Shortest time until then.
    pub const RETENTION_ROUND_MIN: Duration = Duration::from_secs(1);
    /// Connections that are looked for messages for in one batch.
    pub const PULLS_PER_BATCH_MAX: usize = 256;
    /// Rounds of one `debug.tick`, each of which does at most [`BACKGROUND_IDLE_MAX`] of each kind.
    pub const TICK_ROUNDS_MAX: usize = 100_000;
    /// Longest sleep of the writer over a store of its own: the safety net under exact timers.
    pub const SWEEP_INTERVAL: Duration = Duration::from_secs(10);
    /// The same over a store that others write to: what a server leaves undone that is gone, the others find by it.
    pub const SHARED_SWEEP_INTERVAL: Duration = Duration::from_secs(1);
    /// Pause before the background tries again after a failure.
    pub const FAILURE_PAUSE: Duration = Duration::from_secs(1);
    /// Longest silence of the log while the store fails.
    pub const FAILURE_LOG_INTERVAL: Duration = Duration::from_secs(10);
    /// Rows that cannot be read and are remembered, so that they are not tried again.
    pub const SKIPPED_ROWS_MAX: usize = 10_000;
}

/// Why a request got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// Too many requests wait already; nothing has changed.
    Busy,
    /// The store is out of reach or refuses to write. The request may or may not have taken effect.
    Unavailable,
    /// A record that the request needs cannot be read. Nothing has changed.
    Damaged,
    /// The server is about to stop; nothing has changed.
    Stopping,
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "the server is busy: too many requests are waiting, try again",
            Self::Unavailable => {
                "the store cannot be used now: the request may or may not take effect, repeat it with the same key"
            }
            Self::Damaged => "a record that this request needs is damaged: the server's log says more",
            Self::Stopping => "the server is stopping: try again elsewhere or later",
        })
    }
}

impl std::error::Error for SubmitError {}

impl SubmitError {
    /// The status over HTTP.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Busy | Self::Unavailable | Self::Stopping => 503,
            Self::Damaged => 500,
        }
    }
}

/// One waiting request.
struct Job<A> {
    request: Request,
    bytes: usize,
    answer: oneshot::Sender<Result<A, SubmitError>>,
    /// Given back when the job leaves the queue.
    _room: Option<Room>,
}

/// A place in the writer's queue.
struct Room {
    _bytes: OwnedSemaphorePermit,
    metrics: Arc<Metrics>,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.metrics.queue_requests.dec();
    }
}

struct Queues {
    writer: SyncSender<Input>,
    readers: Vec<SyncSender<Job<ReadAnswer>>>,
    searcher: Option<SyncSender<Job<ReadAnswer>>>,
    next_reader: AtomicUsize,
    room: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    store_ok: Arc<AtomicBool>,
}

/// An answer to come.
type Waiting<A> = oneshot::Receiver<Result<A, SubmitError>>;

async fn wait_for<A>(waiting: Waiting<A>) -> Result<A, SubmitError> {
    waiting.await.unwrap_or(Err(SubmitError::Unavailable))
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.clone()).spawn(move || caught::or_exit(&name, run))
}

/// A handle to submit requests with. The engine stops when the last one is dropped and everything accepted is answered.
#[derive(Clone)]
pub struct Engine(Arc<Queues>);

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("readers", &self.0.readers.len()).finish_non_exhaustive()
    }
}

/// What an engine is made of.
#[derive(Debug)]
pub struct Parts<S, R> {
    /// Where the writer writes.
    pub store: S,
    /// Readers beside the writer: the last one searches, the others answer reads by key. None: the writer answers everything.
    pub readers: Vec<R>,
    /// The dials of the machine.
    pub rules: Rules,
    /// The clock that writer and readers share.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where messages go.
    pub transports: Arc<dyn Transports>,
    /// What is told of everything that takes effect. Without `readers` that is everything that is answered.
    pub recorder: Option<Recorder>,
    /// How long settled promises stay; for ever without it.
    pub settled_after: Option<Millis>,
}

/// The threads of an engine.
#[derive(Debug)]
pub struct Threads(Vec<JoinHandle<()>>);

impl Threads {
    /// Waits until everything accepted is answered. Blocks until the last [`Engine`] is dropped.
    pub fn join(self) {
        for thread in self.0 {
            if thread.join().is_err() {
                tracing::error!("a thread of the engine has panicked");
            }
        }
    }
}

impl Engine {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start<S: HostStore, R: ReadStore>(parts: Parts<S, R>) -> std::io::Result<(Self, Threads)> {
        let Parts { store, readers, rules, clock, metrics, transports, recorder, settled_after } = parts;
        let rules = Arc::new(rules);
        let mut threads = Vec::new();
        let mut reading = Vec::new();
        let searching = readers.len().saturating_sub(1);
        for (number, store) in readers.into_iter().enumerate() {
            let (queue, jobs) = sync_channel(limits::QUEUE_REQUESTS_MAX);
            let view_reads_max = if number == searching { 1 } else { limits::READ_BATCH_MAX };
            let (rules, clock, metrics) = (Arc::clone(&rules), clock.clone(), Arc::clone(&metrics));
            let reader = reader::Reader { store, rules, clock, metrics, view_reads_max };
            threads.push(spawn(format!("reader-{number}"), move || reader.run(&jobs))?);
            reading.push(queue);
        }
        let searcher = if reading.len() > 1 { reading.pop() } else { reading.first().cloned() };
        let store_ok = Arc::new(AtomicBool::new(true));
        let (writer, inputs) = sync_channel(limits::QUEUE_REQUESTS_MAX);
        let (of_writer, ok) = (Arc::clone(&metrics), Arc::clone(&store_ok));
        let parts = writer::Parts {
            store,
            rules,
            clock,
            metrics: of_writer,
            transports,
            inputs,
            store_ok: ok,
            recorder,
            settled_after,
        };
        let writing = writer::Writer::new(parts);
        threads.push(spawn("writer".to_owned(), move || writing.run())?);
        let room = Arc::new(Semaphore::new(limits::QUEUE_BYTES_MAX));
        let queues =
            Queues { writer, readers: reading, searcher, next_reader: AtomicUsize::new(0), room, metrics, store_ok };
        Ok((Self(Arc::new(queues)), Threads(threads)))
    }

    /// Submits a request and waits for its answer, which comes once the change is durable. `bytes` is about the size of the request.
    ///
    /// # Errors
    /// [`SubmitError`] when there is no room or no store; the machine's own refusals are replies.
    pub async fn submit(&self, request: Request, bytes: usize) -> Result<Told, SubmitError> {
        let mut request = request;
        for _ in 0..limits::READ_ROUNDS_MAX {
            let Some(reader) = self.reader_of(&request) else { break };
            let read = wait_for(self.enqueue(reader, request)?).await?;
            request = read.request;
            match read.beside {
                Beside::Reply(reply) => return Ok(Told { reply, now: read.now }),
                Beside::Overdue(ids) => Box::pin(self.settle_overdue(ids)).await?,
                Beside::Writes => break,
            }
        }
        wait_for(self.enqueue_to_writer(request, bytes)?).await
    }

    /// Has the writer settle what a search has found past its deadline, instead of running the search itself.
    async fn settle_overdue(&self, ids: Vec<Id>) -> Result<(), SubmitError> {
        let settling = ids.into_iter().map(|id| self.enqueue_to_writer(Request::TimeOutPromise { id }, 0));
        for settled in settling.collect::<Result<Vec<_>, _>>()? {
            wait_for(settled).await?;
        }
        Ok(())
    }

    fn enqueue_to_writer(&self, request: Request, bytes: usize) -> Result<Waiting<Told>, SubmitError> {
        let room = u32::try_from(bytes.min(limits::QUEUE_BYTES_MAX)).map_err(|_| SubmitError::Busy)?;
        let room = Arc::clone(&self.0.room).try_acquire_many_owned(room).map_err(|_| self.busy())?;
        let room = Room { _bytes: room, metrics: Arc::clone(&self.0.metrics) };
        self.0.metrics.queue_requests.inc();
        let (answer, answered) = oneshot::channel();
        self.send(Input::Job(Job { request, bytes, answer, _room: Some(room) }))?;
        Ok(answered)
    }

    /// Submits a request at an instant of its own, as a batch of its own (spec §4, debug).
    ///
    /// # Errors
    /// As of [`Self::submit`].
    pub async fn submit_at(&self, request: Request, at: Timestamp) -> Result<Told, SubmitError> {
        let (answer, answered) = oneshot::channel();
        let job = Job { request, bytes: 0, answer, _room: None };
        self.send(Input::Debug(DebugJob::At(at, job)))?;
        wait_for(answered).await
    }

    /// Does what debugging asks for (spec §4, debug). Whether it may is the caller's to know.
    ///
    /// # Errors
    /// As of [`Self::submit`].
    pub async fn debug(&self, call: DebugCall) -> Result<DebugAnswer, SubmitError> {
        let (answer, answered) = oneshot::channel();
        self.send(Input::Debug(DebugJob::Call(call, answer)))?;
        wait_for(answered).await
    }

    /// Reports what became of messages.
    ///
    /// # Errors
    /// The reports, when there is no room for them: come again.
    pub fn report(&self, reports: Vec<Request>) -> Result<(), Vec<Request>> {
        self.0.writer.try_send(Input::Reports(reports)).or_else(|error| match error {
            TrySendError::Full(Input::Reports(reports)) => Err(reports),
            // The engine stops: claims end by themselves.
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Ok(()),
        })
    }

    /// Tells that a connection can take messages, which are then handed to the transports.
    ///
    /// # Errors
    /// The pull, when there is no room for it: come again.
    pub fn pull(&self, pull: Pull) -> Result<(), Pull> {
        self.0.writer.try_send(Input::Pull(pull)).or_else(|error| match error {
            TrySendError::Full(Input::Pull(pull)) => Err(pull),
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Ok(()),
        })
    }

    /// Whether the last transaction succeeded.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.store_ok.load(Ordering::Relaxed)
    }

    /// What the server counts.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    fn reader_of(&self, request: &Request) -> Option<&SyncSender<Job<ReadAnswer>>> {
        if !request.is_read() {
            return None;
        }
        if request.is_search() {
            return self.0.searcher.as_ref();
        }
        let turn = self.0.next_reader.fetch_add(1, Ordering::Relaxed);
        self.0.readers.get(turn.checked_rem(self.0.readers.len())?)
    }

    fn enqueue(
        &self,
        reader: &SyncSender<Job<ReadAnswer>>,
        request: Request,
    ) -> Result<Waiting<ReadAnswer>, SubmitError> {
        let (answer, answered) = oneshot::channel();
        let job = Job { request, bytes: 0, answer, _room: None };
        reader.try_send(job).map_err(|error| self.refused(&error))?;
        Ok(answered)
    }

    fn send(&self, input: Input) -> Result<(), SubmitError> {
        self.0.writer.try_send(input).map_err(|error| self.refused(&error))
    }

    fn refused<T>(&self, error: &TrySendError<T>) -> SubmitError {
        match error {
            TrySendError::Full(_) => self.busy(),
            TrySendError::Disconnected(_) => SubmitError::Stopping,
        }
    }

    fn busy(&self) -> SubmitError {
        self.0.metrics.rejected.inc();
        SubmitError::Busy
    }
}
