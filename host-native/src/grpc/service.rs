//! The calls of `PromiseService`: each message of somebody who is let in becomes a request to the engine, each reply a message. It keeps no
//! state.

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
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status};

use super::convert::{self, Outcome};
use crate::auth::{Denied, Gate, Scope};
use crate::edge::{self, Unanswered};
use crate::engine::{Engine, SubmitError};

/// Where a token comes.
const AUTHORIZATION: &str = "authorization";

/// The promises of an engine, over gRPC.
pub(super) struct Promises {
    engine: Engine,
    gate: Gate,
}

impl Promises {
    pub(super) fn new(engine: Engine, gate: Gate) -> Self {
        Self { engine, gate }
    }

    /// The message of a client that is let in, with what it may see.
    fn admit<M>(&self, request: Request<M>) -> Result<(Scope, M), Status> {
        let lines = request.metadata().get_all(AUTHORIZATION).iter().map(MetadataValue::as_encoded_bytes);
        let admission = self.gate.admit(None, lines).map_err(denied)?;
        Ok((admission.scope, request.into_inner()))
    }

    /// The outcome of a request about one promise.
    async fn outcome(
        &self,
        scope: &Scope,
        request: CoreRequest,
        strict: bool,
        bytes: usize,
    ) -> Result<Outcome, Status> {
        let (status, reply) = self.ask(scope, request, strict, bytes).await?;
        convert::outcome(status, &reply)
    }

    async fn ask(
        &self,
        scope: &Scope,
        request: CoreRequest,
        strict: bool,
        bytes: usize,
    ) -> Result<(rest::Status, Reply), Status> {
        let answer = edge::ask(&self.engine, scope, request, strict, bytes).await;
        answer.map(|(status, told)| (status, told.reply)).map_err(|why| match why {
            Unanswered::Denied(why) => denied(why),
            Unanswered::Failed(error) => match error {
                SubmitError::Damaged => Status::internal(error.to_string()),
                SubmitError::Busy | SubmitError::Unavailable | SubmitError::Stopping => {
                    Status::unavailable(error.to_string())
                }
            },
        })
    }
}

fn denied(denied: Denied) -> Status {
    match denied {
        Denied::Unauthenticated(why) => Status::unauthenticated(why),
        Denied::Forbidden(why) => Status::permission_denied(why),
    }
}

/// The three settlements differ in nothing but the names of their messages.
macro_rules! settle {
    ($self:ident, $request:ident, $verdict:expr, $response:ident) => {{
        let (scope, message) = $self.admit($request)?;
        let (bytes, strict) = (message.encoded_len(), message.strict);
        let settle = convert::settle($verdict, &message.id, &message.idempotency_key, message.value)?;
        let Outcome { status, promise } = $self.outcome(&scope, settle, strict, bytes).await?;
        Ok(Response::new($response { status: status.into(), promise }))
    }};
}

#[tonic::async_trait]
impl PromiseService for Promises {
    async fn read_promise(
        &self,
        request: Request<ReadPromiseRequest>,
    ) -> Result<Response<ReadPromiseResponse>, Status> {
        let (scope, message) = self.admit(request)?;
        let (read, bytes) = (convert::read(&message)?, message.encoded_len());
        let Outcome { status, promise } = self.outcome(&scope, read, false, bytes).await?;
        Ok(Response::new(ReadPromiseResponse { status: status.into(), promise }))
    }

    async fn search_promises(
        &self,
        request: Request<SearchPromisesRequest>,
    ) -> Result<Response<SearchPromisesResponse>, Status> {
        let (scope, message) = self.admit(request)?;
        let search = convert::search(&message)?;
        let request = CoreRequest::SearchPromises(search.clone());
        let (_, reply) = self.ask(&scope, request, false, message.encoded_len()).await?;
        Ok(Response::new(convert::page(&search, &reply)?))
    }

    async fn create_promise(
        &self,
        request: Request<CreatePromiseRequest>,
    ) -> Result<Response<CreatePromiseResponse>, Status> {
        let (scope, message) = self.admit(request)?;
        let (bytes, strict) = (message.encoded_len(), message.strict);
        let Outcome { status, promise } = self.outcome(&scope, convert::create(message)?, strict, bytes).await?;
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
