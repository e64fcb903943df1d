//! Reading a request's body within bounds of size and time.

use axum::body::{Body, Bytes};
use axum::response::Response;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::StatusCode;

use super::limits::BODY_TIMEOUT;
use super::respond::error;

/// The whole body, or the answer that says why not.
pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, Response> {
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(failure)) if failure.is::<LengthLimitError>() => {
            Err(error(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body is larger than {limit} bytes")))
        }
        Ok(Err(failure)) => Err(error(StatusCode::BAD_REQUEST, &format!("the body cannot be read: {failure}"))),
        Err(_) => {
            let seconds = BODY_TIMEOUT.as_secs();
            Err(error(StatusCode::REQUEST_TIMEOUT, &format!("the body did not arrive within {seconds} s")))
        }
    }
}
