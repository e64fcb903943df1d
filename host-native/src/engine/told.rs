//! What the engine tells whoever has asked.

use resonate_core::drive::Beside;
use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::time::Timestamp;

/// An answer of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The answer.
    pub reply: Reply,
    /// The instant at which it was decided: its batch's, or its view's.
    pub now: Timestamp,
}

/// A reader's answer, with the request that it may have to be asked again.
pub(super) struct ReadAnswer {
    pub(super) request: Request,
    pub(super) beside: Beside,
    /// The instant of the view.
    pub(super) now: Timestamp,
}
