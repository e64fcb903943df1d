//! Owns what a server says of itself in the text format of Prometheus.

use anyhow::{Result, ensure};

use crate::child::Server;
use crate::client;

/// The metrics of one moment.
#[derive(Debug)]
pub(crate) struct Metrics(String);

/// Asks a server that was started with metrics.
pub(crate) async fn read(server: &Server) -> Result<Metrics> {
    let (status, body) = client::fetch(server.metrics, "/metrics").await?;
    ensure!(status.is_success(), "/metrics answers {status}");
    Ok(Metrics(String::from_utf8_lossy(&body).into_owned()))
}

impl Metrics {
    /// The sum of a counter over its labels; 0 while there is none.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        let value = |line: &str| {
            let rest = line.strip_prefix(name)?;
            let rest = match rest.strip_prefix('{') {
                Some(labels) => labels.rsplit_once('}')?.1,
                None => rest.starts_with(' ').then_some(rest)?,
            };
            rest.split_ascii_whitespace().next()?.parse::<f64>().ok()
        };
        self.0.lines().filter_map(value).sum::<f64>() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_summed_over_its_labels() {
        let text =
            "# HELP x_total y\n# TYPE x counter\nx_total{a=\"1} \"} 3\nx_total{a=\"2\"} 4.0 1696\nx_total_more 9\n";
        assert_eq!(Metrics(text.to_owned()).counter("x_total"), 7);
        assert_eq!(Metrics("x_total 12\n".to_owned()).counter("x_total"), 12);
        assert_eq!(Metrics(String::new()).counter("x_total"), 0);
    }
}
