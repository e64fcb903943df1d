//! Every bound of the machine, by name. Hosts have bounds of their own (queues, bodies, connections); those live with the host.

use crate::time::Millis;

/// Longest id of a promise or a schedule, in bytes.
pub const ID_BYTES_MAX: usize = 1024;
/// Longest address, in bytes. With an id it must fit into an entry of an index, of which databases have larger and smaller ones.
pub const ADDRESS_BYTES_MAX: usize = 1536;

/// Promises in one `preload`.
pub const PRELOAD_PROMISES_MAX: usize = 1000;
/// Bytes of the promises in one `preload`, counted as by [`crate::promise::Promise::weight`].
pub const PRELOAD_BYTES_MAX: usize = 1 << 20;

/// Largest `limit` of a search in today's protocol.
pub const SEARCH_LIMIT_MAX: usize = 1000;
/// Default `limit` when searching promises or tasks in today's protocol.
pub const SEARCH_LIMIT_DEFAULT: usize = 100;
/// Default `limit` when searching schedules.
pub const SEARCH_SCHEDULES_LIMIT_DEFAULT: usize = 10;
/// Default and largest `limit` of a search in the 2023 API.
pub const SEARCH_2023_LIMIT_MAX: usize = 100;

/// Bytes of the records on one page of a search; a page holds one record at least.
pub const SEARCH_BYTES_MAX: usize = 4 << 20;
/// Longest id pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 2 * ID_BYTES_MAX;

/// Tasks that one page of an empty heartbeat extends.
pub const HEARTBEAT_PAGE_TASKS: usize = 1000;

/// Callbacks and listeners that one request discharges; the rest follow in the background.
pub const DISCHARGE_PER_REQUEST_MAX: usize = 128;
/// Rows of callbacks or listeners read at once.
pub const DISCHARGE_PAGE_ROWS: usize = 64;

/// Callbacks of its task that one request removes with a promise; the rest follow.
pub const PURGE_CALLBACKS_MAX: usize = 128;
/// Promises naming it that are looked at before one is removed. Where there are more it stays: they go first.
pub const PURGE_CHILDREN_MAX: usize = 8;
/// The same for a dry run.
pub const PURGE_CHILDREN_COUNTED_MAX: usize = 128;
/// Ids of what refers to a promise that are read at once.
pub const PURGE_PAGE_ROWS: usize = 64;
/// Largest and default number of promises that one `promise.purge` looks at.
pub const PURGE_LIMIT_MAX: usize = 256;

/// Background requests that follow from the requests of one batch and run inside it; what is over is found again by a sweep.
pub const FOLLOW_UPS_PER_BATCH_MAX: usize = 4096;
/// Occurrences of one schedule that one batch fires.
pub const SCHEDULE_RUNS_PER_BATCH_MAX: u32 = 100;

/// Background requests after which [`crate::local::Local::tick`] leaves the rest for the next call; one more transaction may go over it.
pub const TICK_REQUESTS_MAX: usize = 1000;
/// Ticks of [`TICK_REQUESTS_MAX`] after which one `debug.tick` is over.
pub const DEBUG_TICKS_MAX: usize = 10_000;

/// Rounds of loading for one request after which the store is taken not to answer.
pub const REQUEST_LOADS_MAX: usize = 10_000;
/// Times that a request of a batch is tried before its turn, on average, where loads are dear.
pub const LOOKS_PER_REQUEST_MAX: usize = 4;
/// Times that a whole batch is run again after a conflict, before its requests are run one by one.
pub const BATCH_CONFLICTS_MAX: usize = 8;

/// Base of the hold-back of a task's `execute` messages: the k-th leaves `base * 2^k` after the one before.
pub const EXECUTE_BACKOFF_BASE: Millis = Millis::saturating(100);
/// Longest hold-back of an `execute` message.
pub const EXECUTE_BACKOFF_MAX: Millis = Millis::saturating(30_000);
/// Longest interval of the retry clock while a message waits for a connection.
pub const RETRY_INTERVAL_MAX: Millis = Millis::saturating(3_600_000);

/// How long a claimed message belongs to its claimer before anybody may try again. Longer than one keep-alive interval of a connection (15 s), after which a written message counts as delivered.
pub const MESSAGE_CLAIM: Millis = Millis::saturating(30_000);
/// First delay after a failed delivery.
pub const MESSAGE_BACKOFF_BASE: Millis = Millis::saturating(1_000);
/// Longest delay after a failed delivery.
pub const MESSAGE_BACKOFF_MAX: Millis = Millis::saturating(300_000);
/// By how many thousandths a delay after a failed delivery may be shorter than it is otherwise.
pub const MESSAGE_JITTER_PERMILLE_MAX: u64 = 250;
