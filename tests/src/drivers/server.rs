//! What the drivers with a network share: the engine over a database file, on a clock that only the table moves.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use resonate::clock::Clock;
use resonate::engine::{Engine, NoTransports, Parts, Threads};
use resonate::metrics::Metrics;
use resonate::store::ReadStore;
use resonate::store::sqlite::{SqliteReader, SqliteStore};
use resonate_core::drive::Tx;
use resonate_core::id::Id;
use resonate_core::request::{Request, SettlePromise, Verdict};
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_core::value::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::driver::Dials;
use crate::folder::Folder;

/// Servers and clients of all tests run here.
pub(super) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("a runtime")
});

/// A running server. It ends when it is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    clock: Clock,
    engine: Option<Engine>,
    stop: watch::Sender<bool>,
    serving: Option<JoinHandle<()>>,
    threads: Option<Threads>,
    /// Sees what is committed.
    view: SqliteReader,
    _folder: Folder,
}

impl Server {
    /// Starts an engine over an empty database, and what `serve` makes of it on a free port.
    pub(super) fn start<F>(dials: Dials, serve: impl FnOnce(TcpListener, Engine, watch::Receiver<bool>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let folder = Folder::new();
        let store = SqliteStore::open(&folder.file("resonate.db"), "off").expect("an empty folder takes a database");
        let readers = (0..2).map(|_| store.reader().expect("a reader")).collect();
        let view = store.reader().expect("a reader");
        let clock = Clock::manual(Timestamp::ZERO);
        let parts = Parts {
            store,
            readers,
            rules: dials.rules(),
            clock: clock.clone(),
            metrics: Arc::new(Metrics::new()),
            transports: Arc::new(NoTransports),
            recorder: None,
            settled_after: None,
        };
        let (engine, threads) = Engine::start(parts).expect("threads");
        let (stop, stopped) = watch::channel(false);
        let (address, serving) = RUNTIME.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("an address");
            (address, tokio::spawn(serve(listener, engine.clone(), stopped)))
        });
        Self {
            address,
            clock,
            engine: Some(engine),
            stop,
            serving: Some(serving),
            threads: Some(threads),
            view,
            _folder: folder,
        }
    }

    pub(super) fn advance_to(&self, now: Timestamp) {
        self.clock.advance_to(now);
    }

    /// The whole state.
    pub(super) fn snapshot(&mut self) -> Snapshot {
        self.view.begin_read().and_then(|mut tx| tx.snapshot()).expect("a database that can be read")
    }

    /// Does what is due, until nothing is. The writer does it in the transaction of any write, so that one that changes nothing is enough.
    pub(super) fn tick(&mut self) {
        let id = Id::parse("no such promise").expect("an id");
        let settle = SettlePromise { id, verdict: Verdict::Resolved, value: Value::default(), key: None };
        loop {
            let before = self.snapshot();
            let engine = self.engine.as_ref().expect("the server runs");
            let reply = RUNTIME.block_on(engine.submit(Request::SettlePromise(settle.clone()), 0));
            reply.expect("a server that runs");
            if self.snapshot() == before {
                return;
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(serving) = self.serving.take() {
            let _ = RUNTIME.block_on(serving);
        }
        // The threads end with the last handle.
        self.engine = None;
        if let Some(threads) = self.threads.take() {
            threads.join();
        }
    }
}
