//! Every bound of the push transport that no setting names.

use std::time::Duration;

/// The part of the slots that one target may hold: one in so many, at least one slot.
pub(super) const SHARE: usize = 8;
/// The part of the slots that only targets with nothing under way may take: one in so many, at least one slot.
pub(super) const RESERVE: usize = 8;
/// How long a request in the reserve is waited for while another target waits for a slot.
pub(super) const LEASH: Duration = Duration::from_secs(1);
/// Every so many turns the target that would come last comes first.
pub(super) const REVERSED_TURN: u32 = 4;

/// Failures in a row after which most of what waits for a target is put off instead of being tried.
pub(super) const FAILURES_IN_A_ROW: u32 = 3;
/// Messages that wait for a target that fails.
pub(super) const FAILING_TARGET_QUEUE_MAX: usize = 16;
/// Messages that wait for one target.
pub(super) const TARGET_QUEUE_MAX: usize = 8192;
/// Messages that wait for all targets. A target for which nothing waits has as much room again.
pub(super) const QUEUE_MESSAGES_MAX: usize = 32_768;
/// Bytes of the messages that wait for all targets. A target for which nothing waits has as much room again.
pub(super) const QUEUE_BYTES_MAX: usize = 64 << 20;
/// Targets with nothing to do of which it is remembered how their last delivery went.
pub(super) const TARGETS_REMEMBERED_MAX: usize = 4096;

/// Bytes of an answer that are read, so that the connection can be used again.
pub(super) const ANSWER_BYTES_MAX: usize = 64 << 10;
/// How long the rest of an answer is waited for once its status is known.
pub(super) const ANSWER_REST: Duration = Duration::from_secs(1);
/// Connections to one host that are kept for the next delivery.
pub(super) const IDLE_CONNECTIONS_PER_HOST_MAX: usize = 16;
/// How long a connection is kept for the next delivery.
pub(super) const IDLE_CONNECTION: Duration = Duration::from_secs(15);

/// How often a host that fails is warned about.
pub(super) const WARNING_INTERVAL: Duration = Duration::from_secs(60);
/// Hosts that are warned about within one such interval.
pub(super) const WARNED_HOSTS_MAX: usize = 64;
