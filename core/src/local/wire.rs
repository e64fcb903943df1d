//! A whole server, from bytes to bytes: both protocols over [`Local`]. Owns the order of the checks of a call; reads no body itself.

use super::{Local, Outcome};
use crate::drive::{Reset, Store};
use crate::time::Timestamp;
use crate::wire::envelope::{self, Call, Envelope, Shape};
use crate::wire::rest::{self, Route};

impl<S: Store> Local<S> {
    /// Answers one envelope of today's protocol.
    ///
    /// # Errors
    /// The store's; then the request may or may not have taken effect.
    pub fn envelope(&mut self, body: &[u8], now: Timestamp) -> Outcome<S, envelope::Answer>
    where
        S: Reset,
    {
        let envelope = match Envelope::parse(body) {
            Ok(envelope) => envelope,
            Err(failure) => return Ok(failure.answer()),
        };
        let (kind, corr_id) = (&*envelope.kind, &*envelope.corr_id);
        if envelope.is_debugging() && !self.debug {
            return Ok(envelope::print_error(kind, corr_id, 403, "debugging is off"));
        }
        let at = if self.debug { envelope.debug_time() } else { Ok(None) };
        match (envelope.request(), at) {
            (Err(why), _) | (_, Err(why)) => Ok(envelope::print_error(kind, corr_id, 400, &why.0)),
            (Ok(Call::Debug(call)), _) => self.debug(call, kind, corr_id, now),
            (Ok(Call::Purge(_)), _) if !self.store.can_purge() => {
                Ok(envelope::print_error(kind, corr_id, 501, "this store removes nothing"))
            }
            (Ok(Call::Purge(purge)), at) => {
                let now = self.instant_of(&at, now);
                Ok(envelope::print_purged(kind, corr_id, &self.purge_at(&purge, now)?))
            }
            (Ok(Call::Request(request)), at) => {
                let now = self.instant_of(&at, now);
                let reply = self.submit_at(&request, now)?;
                Ok(envelope::print(kind, corr_id, Shape::of(&request), &reply))
            }
        }
    }

    /// Answers one call of the 2023 API.
    ///
    /// # Errors
    /// As of [`Self::envelope`].
    pub fn rest(&mut self, call: &rest::Call<'_>, now: Timestamp) -> Outcome<S, rest::Answer> {
        let route = match Route::of(call.method, call.path) {
            Ok(route) => route,
            Err(why) => return Ok(why.into()),
        };
        let asked = match route.parse(&call.input()) {
            Ok(asked) => asked,
            Err(why) => return Ok(why.into()),
        };
        let reply = self.submit(&asked.request, now)?;
        let status = asked.terms().status(&reply);
        let body = rest::print(status, &reply, rest::search_of(&asked.request));
        Ok(rest::Answer { status: status as u16, body, allow: None })
    }
}
