//! Reading a request's body within bounds of size and time, and all bodies together within a bound of memory.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::Body as _;
use hyper::header::{EXPECT, HeaderMap};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::{BODIES_BYTES_MAX, BODY_TIMEOUT, DISCARD_BYTES_MAX, SMALL_BODY_BYTES};

/// A body that is refused. Each protocol tells it in its own words.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) why: String,
}

/// What bodies may take.
#[derive(Clone, Debug)]
pub struct Bodies {
    /// Bytes of the largest one.
    limit: usize,
    /// Bytes that are left for all of them.
    room: Arc<Semaphore>,
}

/// A body that was read. It counts until it is dropped.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    _held: Held,
}

/// What a body has of the room of all. Small ones need none: there are no more of them than connections.
#[derive(Debug, Default)]
struct Held(Option<OwnedSemaphorePermit>);

impl Held {
    /// Holds so many bytes, if there is room for those that it does not have yet.
    fn grow_to(&mut self, bytes: usize, room: &Arc<Semaphore>) -> Result<(), Refused> {
        let has = self.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if bytes <= has.max(SMALL_BODY_BYTES) {
            return Ok(());
        }
        let more = u32::try_from(bytes - has).ok().and_then(|more| Arc::clone(room).try_acquire_many_owned(more).ok());
        match (more, &mut self.0) {
            (Some(more), Some(held)) => held.merge(more),
            (Some(more), none) => *none = Some(more),
            (None, _) => {
                let why = "the server is busy: too many large bodies are on their way, try again".to_owned();
                return Err(Refused { status: StatusCode::SERVICE_UNAVAILABLE, why });
            }
        }
        Ok(())
    }
}

impl Bodies {
    /// Room for bodies of at most `limit` bytes each.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        // The largest fits, however large it may be.
        let room = BODIES_BYTES_MAX.max(limit).min(Semaphore::MAX_PERMITS);
        Self { limit, room: Arc::new(Semaphore::new(room)) }
    }

    /// Bytes of the largest one.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// The whole body, or why not.
    pub(super) async fn read(&self, mut body: Body, headers: &HeaderMap) -> Result<Whole, Refused> {
        // A client that waits to be told to go ahead is told at once, and sends nothing.
        if headers.contains_key(EXPECT) && body.size_hint().lower() > self.limit as u64 {
            return Err(self.too_large());
        }
        let whole = async {
            let read = self.collect(&mut body).await;
            if read.as_ref().is_err_and(|refused| refused.status != StatusCode::BAD_REQUEST) {
                discard(&mut body).await;
            }
            read
        };
        match tokio::time::timeout(BODY_TIMEOUT, whole).await {
            Ok(read) => read,
            Err(_) => {
                let seconds = BODY_TIMEOUT.as_secs();
                let why = format!("the body did not arrive within {seconds} s");
                Err(Refused { status: StatusCode::REQUEST_TIMEOUT, why })
            }
        }
    }

    async fn collect(&self, body: &mut Body) -> Result<Whole, Refused> {
        let mut held = Held::default();
        let told = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if told > self.limit {
            return Err(self.too_large());
        }
        held.grow_to(told, &self.room)?;
        let (mut first, mut rest) = (Bytes::new(), BytesMut::new());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|failure| Refused {
                status: StatusCode::BAD_REQUEST,
                why: format!("the body cannot be read: {failure}"),
            })?;
            let Ok(data) = frame.into_data() else { continue };
            let bytes = first.len() + rest.len() + data.len();
            if bytes > self.limit {
                return Err(self.too_large());
            }
            held.grow_to(bytes, &self.room)?;
            match (first.is_empty(), rest.is_empty()) {
                (true, true) => first = data,
                (_, is_second) => {
                    if is_second {
                        rest.reserve(told.max(bytes));
                        rest.extend_from_slice(&std::mem::take(&mut first));
                    }
                    rest.extend_from_slice(&data);
                }
            }
        }
        let bytes = if rest.is_empty() { first } else { rest.freeze() };
        Ok(Whole { bytes, _held: held })
    }

    fn too_large(&self) -> Refused {
        let why = format!("the body is larger than {} bytes: send less, or raise server.body_limit", self.limit);
        Refused { status: StatusCode::PAYLOAD_TOO_LARGE, why }
    }
}

/// Reads on without keeping anything. A client that is still sending when the connection is closed loses the answer that says why.
async fn discard(body: &mut Body) {
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, Bytes::len);
        if bytes > DISCARD_BYTES_MAX {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(bytes: usize) -> Body {
        Body::from(vec![b' '; bytes])
    }

    #[tokio::test]
    async fn bodies_that_are_too_many_together_are_refused_until_others_are_done() {
        let bodies = Bodies::new(BODIES_BYTES_MAX);
        let headers = HeaderMap::new();
        let half = BODIES_BYTES_MAX / 2 + 1;
        let first = bodies.read(body(half), &headers).await.expect("there is room");
        let refused = bodies.read(body(half), &headers).await.expect_err("there is no more room");
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        let small = bodies.read(body(SMALL_BODY_BYTES), &headers).await.expect("small ones need no room");
        assert_eq!(small.bytes.len(), SMALL_BODY_BYTES);
        drop(first);
        assert_eq!(bodies.read(body(half), &headers).await.expect("there is room again").bytes.len(), half);
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_counts_as_it_comes() {
        let bodies = Bodies::new(BODIES_BYTES_MAX);
        let frames = (0..4).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; SMALL_BODY_BYTES])));
        let whole = bodies.read(Body::from_stream(futures_util::stream::iter(frames)), &HeaderMap::new()).await;
        let whole = whole.expect("there is room");
        assert_eq!(whole.bytes.len(), 4 * SMALL_BODY_BYTES);
        assert_eq!(bodies.room.available_permits(), BODIES_BYTES_MAX - 4 * SMALL_BODY_BYTES);
        drop(whole);
        assert_eq!(bodies.room.available_permits(), BODIES_BYTES_MAX);
    }
}
