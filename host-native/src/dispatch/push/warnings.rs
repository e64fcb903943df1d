//! When to warn about a host: once in a while each, and not about any number of them.

use std::collections::HashMap;

use tokio::time::Instant;

use super::limits::{WARNED_HOSTS_MAX, WARNING_INTERVAL};

#[derive(Debug, Default)]
pub(super) struct Warnings(HashMap<String, Instant>);

impl Warnings {
    /// Whether to warn now; if so, it is noted.
    pub(super) fn is_due(&mut self, host: &str, now: Instant) -> bool {
        if self.0.get(host).is_some_and(|last| now.duration_since(*last) < WARNING_INTERVAL) {
            return false;
        }
        if self.0.len() >= WARNED_HOSTS_MAX {
            self.0.retain(|_, last| now.duration_since(*last) < WARNING_INTERVAL);
        }
        let due = self.0.len() < WARNED_HOSTS_MAX;
        if due {
            self.0.insert(host.to_owned(), now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_warned_about_once_an_interval_and_any_number_of_hosts_a_few_times() {
        let start = Instant::now();
        let mut warnings = Warnings::default();
        assert!(warnings.is_due("a", start));
        assert!(!warnings.is_due("a", start + WARNING_INTERVAL / 2));
        assert!(warnings.is_due("a", start + WARNING_INTERVAL));
        let later = start + WARNING_INTERVAL;
        let due = (0..1000).filter(|host| warnings.is_due(&host.to_string(), later)).count();
        assert_eq!(due, WARNED_HOSTS_MAX - 1);
        assert!(warnings.is_due("b", later + WARNING_INTERVAL));
    }
}
