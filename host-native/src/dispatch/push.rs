//! Placeholder while push is on its way.
use super::Reports;
use crate::config::HttpPushConfig;
use resonate_core::message::Delivery;
use std::sync::Arc;
/// Push.
#[derive(Debug)]
pub struct Push(Reports);
impl Push {
    /// Starts.
    pub fn start(_: &HttpPushConfig, _: Arc<str>, reports: Reports) -> Result<Self, String> {
        Ok(Self(reports))
    }
    /// Delivers.
    pub fn deliver(&self, delivery: Delivery) {
        self.0.report(&delivery, super::Outcome::Failed);
    }
}
