//! The bounds of the client.

use std::time::Duration;

/// Longest wait for a connection.
pub const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Longest wait for the answer to one request.
pub const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Characters of a foreign answer that an error repeats.
pub const EXCERPT_CHARS_MAX: usize = 120;

/// Longest silence of a stream of messages: servers send a comment every 15 s, so one that is silent for this long is gone.
pub const SILENCE_MAX: Duration = Duration::from_secs(50);

/// How often a wait registers again, should a message have been lost.
pub const REGISTER_AGAIN: Duration = Duration::from_secs(60);

/// First pause before a lost connection is opened again; it doubles.
pub const RECONNECT_MIN: Duration = Duration::from_millis(100);

/// Longest pause before a lost connection is opened again.
pub const RECONNECT_MAX: Duration = Duration::from_secs(5);

/// Bytes of one line of a stream: more than any body that a server accepts by default.
pub const LINE_BYTES_MAX: usize = 64 << 20;

/// Promises in one page of a search that follows its cursors.
pub const PAGE_PROMISES: u16 = 1000;
