//! `resonate invoke`: the promise that makes a worker run a function.

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use resonate_core::promise::tag;
use resonate_core::time::{Millis, Timestamp};
use serde_json::{Value as Json, json};

use super::input::{argument, array, duration_arg, func as func_name, id_arg, now, optional, required};
use super::promises::show_promise;
use super::session::{Session, asking};
use super::wait::{self, Wait};
use super::{Environment, Failure};
use crate::client::payload;
use crate::client::record::Promise;

const KIND: &str = "promise.create";

const EXAMPLES: &str = r#"Examples:
  resonate invoke order-42 --func placeOrder --arg 42 --arg express --wait
  resonate invoke report-7 -f report --json-args '[{"year": 2026}]' \
    --timeout 1d --target poll://any@reports

"#;

/// Describes it to clap.
pub(super) fn command() -> Command {
    let func = Arg::new("func").short('f').long("func").value_name("NAME").required(true).value_parser(func_name);
    let arg = Arg::new("arg").long("arg").value_name("VALUE").action(ArgAction::Append).allow_hyphen_values(true);
    let json_args = Arg::new("json-args").long("json-args").value_name("JSON").value_parser(array_of_json);
    let version =
        Arg::new("version").long("version").value_name("N").value_parser(value_parser!(u32)).default_value("1");
    let target = Arg::new("target").long("target").value_name("ADDRESS").default_value("poll://any@default");
    let command = asking("invoke", "Call a function: create the promise that makes a worker run it", EXAMPLES)
        .arg(id_arg("ID", "The promise of the call; calling again with the same id changes nothing"))
        .arg(func.help("Name of the function, as workers register it"))
        .arg(arg.help("An argument, in order: JSON, and what is no JSON is a string"))
        .arg(json_args.conflicts_with("arg").help("All arguments at once, as a JSON array"))
        .arg(version.help("Version of the function"))
        .arg(duration_arg("timeout", "When the call times out, counted from now").short('t').default_value("1h"))
        .arg(target.help("Who runs it: poll://any@GROUP, or the http(s):// address of a worker"))
        .arg(duration_arg("delay", "Do not start before this time has passed"));
    wait::waiting(command)
}

/// Creates the promise, and waits for it if asked to.
pub(super) fn run(matches: &ArgMatches, environment: &Environment) -> Result<(), Failure> {
    let session = Session::open(matches, environment)?;
    let asked = request(matches, now())?;
    let answer = session.ask(KIND, &asked)?;
    let promise: Promise = answer.record(KIND, "promise")?;
    session.note_if_it_existed(&promise, &asked);
    match Wait::of(matches) {
        Some(wait) => wait::show_settled(&session, &promise.id, &wait),
        None => show_promise(&session, KIND, &answer),
    }
}

/// The data of the create: a param as SDKs read it, and the tags of the root of a call tree.
fn request(matches: &ArgMatches, now: Timestamp) -> Result<Json, Failure> {
    let id: String = required(matches, "ID");
    let args = optional::<Json>(matches, "json-args")
        .unwrap_or_else(|| matches.get_many::<String>("arg").unwrap_or_default().map(|text| argument(text)).collect());
    let call = json!({
        "func": required::<String>(matches, "func"),
        "args": args,
        "version": required::<u32>(matches, "version"),
    });
    let mut tags = json!({
        tag::TARGET: required::<String>(matches, "target"),
        tag::SCOPE: "global",
        tag::ORIGIN: id,
        tag::BRANCH: id,
        tag::PARENT: id,
        tag::PREFIX: id,
    });
    let timeout: Millis = required(matches, "timeout");
    if let Some(delay) = optional::<Millis>(matches, "delay") {
        if delay >= timeout {
            let why = "--delay is not shorter than --timeout, so the call could never start; give a longer --timeout";
            return Err(Failure::Usage(why.to_owned()));
        }
        tags[tag::DELAY] = json!((now + delay).to_string());
    }
    let param = json!({"headers": {}, "data": payload::encode(&call)});
    Ok(json!({"id": id, "timeoutAt": now + timeout, "param": param, "tags": tags}))
}

fn array_of_json(text: &str) -> Result<Json, String> {
    array(text).map(Json::Array)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;

    fn requested(args: &[&str]) -> Result<Json, String> {
        let args = ["invoke", "foo", "-f", "greet"].iter().chain(args);
        let matches = command().try_get_matches_from(args).map_err(|error| error.to_string())?;
        request(&matches, Timestamp::saturating(1_000)).map_err(|failure| failure.to_string())
    }

    fn call(request: &Json) -> Json {
        let data = base64::engine::general_purpose::STANDARD.decode(request["param"]["data"].as_str().unwrap());
        serde_json::from_slice(&data.unwrap()).unwrap()
    }

    #[test]
    fn the_param_is_what_workers_read() {
        let asked = requested(&["--arg", "42", "--arg", "express", "--arg=-x", "--delay", "1s"]).unwrap();
        assert_eq!(call(&asked), json!({"func": "greet", "args": [42, "express", "-x"], "version": 1}));
        assert_eq!(asked["param"]["headers"], json!({}));
        assert_eq!(asked["timeoutAt"], 3_601_000);
        assert_eq!(
            asked["tags"],
            json!({
                "resonate:target": "poll://any@default", "resonate:scope": "global", "resonate:origin": "foo",
                "resonate:branch": "foo", "resonate:parent": "foo", "resonate:prefix": "foo", "resonate:delay": "2000",
            })
        );
    }

    #[test]
    fn arguments_can_be_given_at_once() {
        let asked = requested(&["--json-args", "[{\"a\": 1}, null]", "--version", "2"]).unwrap();
        assert_eq!(call(&asked), json!({"func": "greet", "args": [{"a": 1}, null], "version": 2}));
        assert!(requested(&["--json-args", "[]", "--arg", "1"]).unwrap_err().contains("cannot be used with"));
        assert!(requested(&["--json-args", "{}"]).unwrap_err().contains("JSON array"));
    }

    #[test]
    fn mistakes_are_told_with_the_cure() {
        assert!(requested(&["--timeout", "-1h"]).unwrap_err().contains("write it like 100ms"));
        let unnamed = command().try_get_matches_from(["invoke", "foo", "-f", ""]).unwrap_err();
        assert!(unnamed.to_string().contains("a function has a name"), "{unnamed}");
    }

    #[test]
    fn a_delay_that_never_ends_is_refused() {
        assert!(requested(&["--delay", "1h"]).unwrap_err().contains("longer --timeout"));
    }
}
