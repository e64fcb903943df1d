//! Reading a request's body within bounds of size and time.

use axum::body::{Body, Bytes};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::Body as _;
use hyper::header::{EXPECT, HeaderMap};

use super::limits::{BODY_TIMEOUT, DISCARD_BYTES_MAX};

/// A body that is refused. Each protocol tells it in its own words.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) why: String,
}

/// The whole body, or why not.
pub(super) async fn read(mut body: Body, headers: &HeaderMap, limit: usize) -> Result<Bytes, Refused> {
    // A client that waits to be told to go ahead is told at once, and sends nothing.
    if headers.contains_key(EXPECT) && body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    let whole = async {
        match Limited::new(&mut body, limit).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(failure) if failure.is::<LengthLimitError>() => {
                discard(&mut body).await;
                Err(too_large(limit))
            }
            Err(failure) => {
                Err(Refused { status: StatusCode::BAD_REQUEST, why: format!("the body cannot be read: {failure}") })
            }
        }
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

fn too_large(limit: usize) -> Refused {
    let why = format!("the body is larger than {limit} bytes: send less, or raise server.body_limit");
    Refused { status: StatusCode::PAYLOAD_TOO_LARGE, why }
}
