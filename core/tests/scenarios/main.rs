//! Rules of the machine that are stated best as a short story: what is held back, doubled, bounded, cleared or saturated.

mod background;
mod bounds;
mod claims;
mod dispatch;
mod local;
mod purge;
mod story;
#[path = "../support/mod.rs"]
mod support;
mod waiting;
