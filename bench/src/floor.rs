//! Owns the floor: the least that a server on this HTTP library does for a request. It reads the body
//! and answers a fixed promise; there is no parsing, no store, no lock.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use crate::client::sample_promise;

/// Serves the floor until the process is asked to stop.
pub(crate) async fn run(port: u16) -> Result<()> {
    let created = sample_promise();
    let found = created.clone();
    let router = Router::new()
        .route("/ready", get(|| async { StatusCode::OK }))
        .route("/promises/{id}", get(|| async move { promise(StatusCode::OK, found) }))
        .route("/promises/{id}/{verb}", post(|_body: Bytes| async move { promise(StatusCode::CREATED, created) }));
    serve(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), router).await
}

/// An answer that carries this promise.
pub(crate) fn promise(status: StatusCode, body: Bytes) -> Response {
    let mut response = (status, Body::from(body)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Serves a router over HTTP/1.1, one task a connection.
pub(crate) async fn serve(address: SocketAddr, router: Router) -> Result<()> {
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            // A client that goes away is no event here.
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
            Ok::<_, Infallible>(())
        });
    }
}
