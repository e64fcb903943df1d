//! What refers to promises, in the order of what refers: one statement for each way, however many promises are asked about. Knows nothing of what it
//! is asked for.

use resonate_core::id::Id;
use resonate_core::read::Reference;
use resonate_core::records::Records;
use tokio_postgres::Row;

use super::session::Call;
use super::text::stored;
use crate::store::Error;
use crate::store::rows;

/// `asked` are the promises, each with its number and the place behind which to begin; `$3` rows at most for each.
macro_rules! of_each {
    ($($found:literal),+) => {
        concat!(
            "SELECT asked.n, found.name FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked(id, after, n), LATERAL (",
            $($found),+,
            " ORDER BY name LIMIT $3) AS found ORDER BY asked.n, found.name"
        )
    };
}

const UNBLOCKS: &str =
    of_each!("SELECT listener AS name FROM outbox WHERE kind = 1 AND id = asked.id AND listener > asked.after");

const CALLBACKS: &str =
    of_each!("SELECT awaited AS name FROM callbacks WHERE awaiter = asked.id AND awaited > asked.after");

// By `$4`, the ids as JSON, and `$5`, the ids as branches are stored. The first comparison is the index's, the second exact: within a text of JSON no
// quotation mark stands without a backslash before it.
const LINEAGE: &str = of_each!(
    "(SELECT id AS name FROM promises WHERE strpos(tags, '\"resonate:parent\":\"') > 0 \
     AND md5(split_part(split_part(tags, '\"resonate:parent\":\"', 2), '\"', 1)) = md5(split_part(($4::text[])[n], '\"', 2)) \
     AND strpos(tags, '\"resonate:parent\":' || ($4::text[])[n]) > 0 AND id > asked.after AND id <> asked.id ORDER BY id LIMIT $3) ",
    "UNION ",
    "(SELECT id FROM promises WHERE md5(branch) = md5(($5::text[])[n]) AND branch = ($5::text[])[n] \
     AND id > asked.after AND id <> asked.id ORDER BY id LIMIT $3)"
);

// The inner part is kept from the order of the outer one: planned together, all tasks would be gone through by id.
const RESUMES: &str = of_each!(
    "SELECT name FROM (SELECT id AS name FROM tasks WHERE resumes IS NOT NULL \
     AND resumes::jsonb @> jsonb_build_array(asked.id) OFFSET 0) AS resumed WHERE name > asked.after"
);

/// In which way something refers to a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// A message tells a listener of it.
    Unblock,
    /// Another of the core's.
    By(Reference),
}

/// A question. In their order those that one statement answers are side by side.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked<'a> {
    pub(super) way: Way,
    pub(super) limit: usize,
    pub(super) id: &'a Id,
    pub(super) after: &'a str,
}

/// Questions by the statement that answers them.
pub(super) fn by_statement<'b, 'a>(asked: &'b [Asked<'a>]) -> impl Iterator<Item = &'b [Asked<'a>]> {
    asked.chunk_by(|a, b| (a.way, a.limit) == (b.way, b.limit))
}

/// The statement for some questions, of which there is at least one.
pub(super) fn call<'a>(asked: &[Asked<'a>]) -> Call<'a> {
    let Asked { way, limit, .. } = asked[0];
    let sql = match way {
        Way::Unblock => UNBLOCKS,
        Way::By(Reference::Lineage) => LINEAGE,
        Way::By(Reference::Resume) => RESUMES,
        Way::By(Reference::Callback) => CALLBACKS,
    };
    let call = Call::plain(sql)
        .with(asked.iter().map(|asked| asked.id.as_str()).collect::<Vec<_>>())
        .with(asked.iter().map(|asked| asked.after).collect::<Vec<_>>())
        .with(i64::try_from(limit).unwrap_or(i64::MAX));
    if way != Way::By(Reference::Lineage) {
        return call;
    }
    let json = |asked: &Asked<'_>| serde_json::Value::from(asked.id.as_str()).to_string();
    call.with(asked.iter().map(json).collect::<Vec<_>>())
        .with(asked.iter().map(|asked| stored(asked.id)).collect::<Vec<_>>())
}

/// Takes the answer to the statement for some questions.
pub(super) fn learn(asked: &[Asked<'_>], answer: &[Row], records: &mut Records) -> Result<(), Error> {
    let mut rest = answer;
    for (Asked { way, limit, id, .. }, number) in asked.iter().zip(1_i64..) {
        let (found, behind) = rest.split_at(rest.partition_point(|row| row.get::<_, i64>(0) <= number));
        rest = behind;
        match way {
            Way::Unblock => {
                let found: Result<_, Error> = found.iter().map(|row| rows::address_at(row, 1)).collect();
                records.learn_unblocks(id, found?, *limit);
            }
            Way::By(by) => {
                let found: Result<_, Error> = found.iter().map(|row| rows::id_at(row, 1)).collect();
                records.learn_referring(id, *by, found?, *limit);
            }
        }
    }
    Ok(())
}
