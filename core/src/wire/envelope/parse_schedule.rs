//! The requests about schedules, each read in the order in which the specification lists its fields (spec §3).

use std::borrow::Cow;

use super::object::Field;
use super::parse_promise::{id_of, limit_or, place};
use crate::limits::SEARCH_SCHEDULES_LIMIT_DEFAULT;
use crate::request::{CreateSchedule, Request};
use crate::search::SearchSchedules;
use crate::wire::BadInput;
use crate::wire::cursor::CursorKind;

pub(super) const GET: &str = "schedule.get";
pub(super) const CREATE: &str = "schedule.create";
pub(super) const DELETE: &str = "schedule.delete";
pub(super) const SEARCH: &str = "schedule.search";

pub(super) fn get(data: &Field<'_>) -> Result<Request, BadInput> {
    id_of(data).map(|id| Request::GetSchedule { id })
}

pub(super) fn create(data: &Field<'_>) -> Result<Request, BadInput> {
    let [id, cron, promise_id, promise_timeout, promise_param, promise_tags] =
        data.fields(["id", "cron", "promiseId", "promiseTimeout", "promiseParam", "promiseTags"])?;
    Ok(Request::CreateSchedule(CreateSchedule {
        id: id.id()?,
        cron: cron.text().map(Cow::into_owned)?,
        promise_id: promise_id.name()?.as_ref().to_owned(),
        promise_timeout: promise_timeout.duration(0)?,
        promise_param: promise_param.value()?,
        promise_tags: promise_tags.optional(Field::map)?.unwrap_or_default(),
    }))
}

pub(super) fn delete(data: &Field<'_>) -> Result<Request, BadInput> {
    id_of(data).map(|id| Request::DeleteSchedule { id })
}

pub(super) fn search(data: &Field<'_>) -> Result<Request, BadInput> {
    let [tags, limit, cursor] = data.fields(["tags", "limit", "cursor"])?;
    Ok(Request::SearchSchedules(SearchSchedules {
        prefix: None,
        tags: tags.optional(Field::map)?.unwrap_or_default(),
        limit: limit_or(&limit, SEARCH_SCHEDULES_LIMIT_DEFAULT)?,
        after: place(CursorKind::Schedules, &cursor)?,
    }))
}
