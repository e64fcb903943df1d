//! The calls of `PromiseService`: each message becomes a request to the engine, each reply a message. It keeps no state.

use prost::Message;
use resonate_core::reply::Reply;
use resonate_core::request::{Request as CoreRequest, Verdict};
use resonate_core::wire::rest;
use resonate_proto::promise::promise_service_server::PromiseService;
use resonate_proto::promise::{
    CancelPromiseRequest, CancelPromiseResponse, CreatePromiseRequest, CreatePromiseResponse, ReadPromiseRequest,
    ReadPromiseResponse, RejectPromiseRequest, RejectPromiseResponse, ResolvePromiseRequest, ResolvePromiseResponse,
    SearchPromisesRequest, SearchPromisesResponse,
};
use tonic::{Request, Response, Status};

use super::convert::{self, Outcome};
use crate::edge;
use crate::engine::{Engine, SubmitError};

/// The promises of an engine, over gRPC.
pub(super) struct Promises {
    engine: Engine,
}

impl Promises {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// The outcome of a request about one promise.
    async fn outcome(&self, request: CoreRequest, strict: bool, bytes: usize) -> Result<Outcome, Status> {
        let (status, reply) = self.ask(request, strict, bytes).await?;
        convert::outcome(status, &reply)
    }

    async fn ask(&self, request: CoreRequest, strict: bool, bytes: usize) -> Result<(rest::Status, Reply), Status> {
        let answer = edge::ask(&self.engine, request, strict, bytes).await;
        answer.map_err(|error| match error {
            SubmitError::Damaged => Status::internal(error.to_string()),
            SubmitError::Busy | SubmitError::Unavailable | SubmitError::Stopping => {
                Status::unavailable(error.to_string())
            }
        })
    }
}

/// The three settlements differ in nothing but the names of their messages.
macro_rules! settle {
    ($self:ident, $request:ident, $verdict:expr, $response:ident) => {{
        let message = $request.into_inner();
        let (bytes, strict) = (message.encoded_len(), message.strict);
        let settle = convert::settle($verdict, &message.id, &message.idempotency_key, message.value)?;
        let Outcome { status, promise } = $self.outcome(settle, strict, bytes).await?;
        Ok(Response::new($response { status: status.into(), promise }))
    }};
}

#[tonic::async_trait]
impl PromiseService for Promises {
    async fn read_promise(
        &self,
        request: Request<ReadPromiseRequest>,
    ) -> Result<Response<ReadPromiseResponse>, Status> {
        let message = request.into_inner();
        let Outcome { status, promise } = self.outcome(convert::read(&message)?, false, message.encoded_len()).await?;
        Ok(Response::new(ReadPromiseResponse { status: status.into(), promise }))
    }

    async fn search_promises(
        &self,
        request: Request<SearchPromisesRequest>,
    ) -> Result<Response<SearchPromisesResponse>, Status> {
        let message = request.into_inner();
        let search = convert::search(&message)?;
        let request = CoreRequest::SearchPromises(search.clone());
        let (_, reply) = self.ask(request, false, message.encoded_len()).await?;
        Ok(Response::new(convert::page(&search, &reply)?))
    }

    async fn create_promise(
        &self,
        request: Request<CreatePromiseRequest>,
    ) -> Result<Response<CreatePromiseResponse>, Status> {
        let message = request.into_inner();
        let (bytes, strict) = (message.encoded_len(), message.strict);
        let Outcome { status, promise } = self.outcome(convert::create(message)?, strict, bytes).await?;
        Ok(Response::new(CreatePromiseResponse { status: status.into(), promise }))
    }

    async fn cancel_promise(
        &self,
        request: Request<CancelPromiseRequest>,
    ) -> Result<Response<CancelPromiseResponse>, Status> {
        settle!(self, request, Verdict::RejectedCanceled, CancelPromiseResponse)
    }

    async fn resolve_promise(
        &self,
        request: Request<ResolvePromiseRequest>,
    ) -> Result<Response<ResolvePromiseResponse>, Status> {
        settle!(self, request, Verdict::Resolved, ResolvePromiseResponse)
    }

    async fn reject_promise(
        &self,
        request: Request<RejectPromiseRequest>,
    ) -> Result<Response<RejectPromiseResponse>, Status> {
        settle!(self, request, Verdict::Rejected, RejectPromiseResponse)
    }
}
