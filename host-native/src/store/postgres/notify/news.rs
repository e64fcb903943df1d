//! News as they wait to be told, and as they travel: a line of JSON with who tells and the mailboxes; none means that messages may wait anywhere.
//! It knows no connection.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use resonate_core::address::Mailbox;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::limits::{MAILBOXES_WAITING_MAX, NOTIFICATION_BYTES_MAX};

/// Where messages wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// In these mailboxes, if there are any.
    In(BTreeSet<Mailbox>),
    /// Maybe anywhere.
    Anywhere,
}

impl News {
    fn add(&mut self, mailboxes: impl IntoIterator<Item = Mailbox>) {
        let Self::In(waiting) = self else { return };
        waiting.extend(mailboxes);
        if waiting.len() > MAILBOXES_WAITING_MAX {
            *self = Self::Anywhere;
        }
    }
}

/// What waits to be told.
#[derive(Debug)]
pub(super) struct Desk {
    /// Never held for long: the writer waits for it.
    waiting: Mutex<News>,
    changed: Notify,
}

impl Default for Desk {
    fn default() -> Self {
        Self { waiting: Mutex::new(News::In(BTreeSet::new())), changed: Notify::new() }
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, News> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, mailbox: &Mailbox) {
        self.lock().add([mailbox.clone()]);
        self.changed.notify_one();
    }

    /// Takes everything that waits.
    pub(super) fn take(&self) -> Taken<'_> {
        let news = std::mem::replace(&mut *self.lock(), News::In(BTreeSet::new()));
        Taken { desk: self, news: Some(news) }
    }

    /// Completes when something may wait.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// News on their way: back on the desk unless they were told.
#[derive(Debug)]
pub(super) struct Taken<'a> {
    desk: &'a Desk,
    news: Option<News>,
}

impl Taken<'_> {
    /// The notifications that tell them.
    pub(super) fn lines(&self, from: &str) -> Vec<String> {
        self.news.as_ref().map_or_else(Vec::new, |news| lines(from, news))
    }

    /// They were told.
    pub(super) fn told(mut self) {
        self.news = None;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        match self.news.take() {
            Some(News::In(mailboxes)) => self.desk.lock().add(mailboxes),
            Some(News::Anywhere) => *self.desk.lock() = News::Anywhere,
            None => {}
        }
    }
}

/// One notification.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// The server that tells.
    from: String,
    mailboxes: Vec<Mailbox>,
}

fn lines(from: &str, news: &News) -> Vec<String> {
    let line = |mailboxes| {
        let line = Line { from: from.to_owned(), mailboxes };
        serde_json::to_string(&line).expect("texts become JSON")
    };
    let News::In(mailboxes) = news else { return vec![line(Vec::new())] };
    let frame = line(Vec::new()).len();
    let (mut lines, mut taken, mut bytes) = (Vec::new(), Vec::new(), frame);
    for mailbox in mailboxes {
        // A mailbox is in letters that JSON takes as they are; two quotes and a comma come to it.
        let more = mailbox.as_str().len() + 3;
        if frame + more > NOTIFICATION_BYTES_MAX {
            // Its name does not fit.
            return vec![line(Vec::new())];
        }
        if bytes + more > NOTIFICATION_BYTES_MAX {
            lines.push(line(std::mem::take(&mut taken)));
            bytes = frame;
        }
        taken.push(mailbox.clone());
        bytes += more;
    }
    if !taken.is_empty() {
        lines.push(line(taken));
    }
    lines
}

/// What a notification tells. Nothing, when it is our own or none of a server.
pub(super) fn heard(line: &str, own: &str) -> Option<News> {
    let Line { from, mailboxes } = serde_json::from_str(line).ok()?;
    let news = if mailboxes.is_empty() { News::Anywhere } else { News::In(mailboxes.into_iter().collect()) };
    (from != own).then_some(news)
}
