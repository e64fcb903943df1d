//! Waiting for a promise without asking again and again: a listener is registered, and its message says that the promise is settled.
//!
//! The stream is opened before the listener is registered, so that the message finds somebody. When the stream ends, both are done again: a
//! promise that settled in between is in the answer to the registration.

use std::cell::Cell;
use std::time::Duration;

use resonate_core::promise::PromiseState;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::record::Promise;
use super::{Answer, Client, Error, limits, unique};

/// The group of those who wait.
const GROUP: &str = "resonate-cli";

const REGISTER: &str = "promise.register_listener";

/// What somebody who watches a wait is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// The promise is pending and its listener is registered.
    Listening(Box<Promise>),
    /// The connection is lost and will be opened again.
    Reconnecting(Error),
}

/// How a connection ended.
enum Ended {
    Settled(Answer),
    Lost,
}

impl Client {
    /// Waits until a promise is settled. The answer's data is `{"promise": …}`, as `promise.get` gives it.
    ///
    /// A server that cannot be reached is an error at first; later it is waited for.
    ///
    /// # Errors
    /// What the server refuses, and whatever another attempt would not cure.
    pub async fn settled(&self, id: &str, mut watch: impl FnMut(Progress)) -> Result<Answer, Error> {
        let pid = unique();
        let mut pause = limits::RECONNECT_MIN;
        let was_reached = Cell::new(false);
        loop {
            let mut listening = |promise| {
                pause = limits::RECONNECT_MIN;
                watch(Progress::Listening(Box::new(promise)));
            };
            match self.follow(id, &pid, &was_reached, &mut listening).await {
                Ok(Ended::Settled(answer)) => return Ok(answer),
                Ok(Ended::Lost) => {}
                Err(error) if was_reached.get() && error.is_passing() => watch(Progress::Reconnecting(error)),
                Err(error) => return Err(error),
            }
            // Many who lost the same server must not come back at the same instant.
            tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            pause = (pause * 2).min(limits::RECONNECT_MAX);
        }
    }

    /// One connection: stream, registration, messages.
    async fn follow(
        &self,
        id: &str,
        pid: &str,
        was_reached: &Cell<bool>,
        listening: &mut impl FnMut(Promise),
    ) -> Result<Ended, Error> {
        // A promise that is settled, or is not there, needs no stream.
        let found = self.call("promise.get", &json!({"id": id})).await?;
        was_reached.set(true);
        if promise_of("promise.get", &found)?.state != PromiseState::Pending {
            return Ok(Ended::Settled(found));
        }
        let mut events = self.events(GROUP, pid).await?;
        loop {
            let register = json!({"awaited": id, "address": format!("poll://uni@{GROUP}/{pid}")});
            let answer = self.call(REGISTER, &register).await?;
            let promise = promise_of(REGISTER, &answer)?;
            if promise.state != PromiseState::Pending {
                return Ok(Ended::Settled(answer));
            }
            listening(promise);
            let again = Instant::now() + limits::REGISTER_AGAIN;
            loop {
                let Ok(message) = tokio::time::timeout_at(again, events.next()).await else { break };
                let Some(message) = message else { return Ok(Ended::Lost) };
                if let Some(answer) = unblocked(&message, id) {
                    return Ok(Ended::Settled(answer));
                }
            }
        }
    }
}

fn promise_of(kind: &str, answer: &Answer) -> Result<Promise, Error> {
    answer.record(kind, "promise")
}

/// The answer that an `unblock` message about the promise amounts to.
fn unblocked(message: &Json, id: &str) -> Option<Answer> {
    let is_unblock = message.get("kind").is_some_and(|kind| kind == "unblock");
    let promise = message.pointer("/data/promise").filter(|promise| promise["id"] == id)?;
    is_unblock.then(|| Answer { status: 200, data: json!({"promise": promise}) })
}

/// Waits as [`Client::settled`] does, and no longer than `longest`: then `None`.
///
/// # Errors
/// Those of [`Client::settled`].
pub async fn settled_within(
    client: &Client,
    id: &str,
    longest: Option<Duration>,
    watch: impl FnMut(Progress),
) -> Result<Option<Answer>, Error> {
    let settled = client.settled(id, watch);
    match longest {
        None => settled.await.map(Some),
        Some(longest) => tokio::time::timeout(longest, settled).await.map_or(Ok(None), |answer| answer.map(Some)),
    }
}

#[cfg(test)]
mod tests;
