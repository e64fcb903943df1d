//! The request of a row into a call.

use resonate_core::wire::envelope::VERSION;

use crate::driver::{Call, Delivery, HttpCall, RestCall, Verb};

/// A call, and the envelope's kind and correlation id that the answer must repeat.
pub(super) struct Asked {
    pub(super) call: Call,
    pub(super) echo: Option<(String, String)>,
}

/// Reads a request. `cursor` is that of the last search.
pub(super) fn parse(text: &str, cursor: Option<&str>) -> Result<Asked, String> {
    let text = match cursor {
        Some(cursor) => text.replace("$cursor", cursor),
        None if text.contains("$cursor") => return Err("no search has given a cursor".to_owned()),
        None => text.to_owned(),
    };
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((&text, ""));
    let rest = rest.trim();
    let plain = |call| Ok(Asked { call, echo: None });
    match name {
        "get" => plain(Call::Rest(RestCall::Get { id: expand_text(rest)? })),
        "search" => plain(Call::Rest(RestCall::Search { query: expand_text(rest)? })),
        "tick" => plain(Call::Tick),
        "sent" => plain(Call::Sent),
        "delivered" => plain(Call::Report(Delivery::Delivered)),
        "failed" => plain(Call::Report(Delivery::Failed)),
        "unclaimed" => plain(Call::Report(Delivery::Unclaimed)),
        "connect" => plain(Call::Connect),
        "envelope" => plain(Call::Envelope(expand(rest))),
        _ => match Verb::ALL.into_iter().find(|verb| verb.name() == name) {
            Some(verb) => plain(Call::Rest(parse_write(verb, rest)?)),
            None if name.contains('.') => Ok(parse_envelope(name, rest)),
            None if name.bytes().all(|byte| byte.is_ascii_uppercase()) => plain(Call::Http(parse_http(name, rest)?)),
            None => Err(format!("no request {name:?}")),
        },
    }
}

/// The words before a body, and the body.
fn split_body(text: &str) -> (Vec<&str>, Vec<u8>) {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(body) = rest.strip_prefix("body=") {
            return (words, expand(body));
        }
        if rest.starts_with('{') {
            return (words, expand(rest));
        }
        let (word, behind) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        words.push(word);
        rest = behind.trim_start();
    }
    (words, Vec::new())
}

fn parse_write(verb: Verb, text: &str) -> Result<RestCall, String> {
    let (words, body) = split_body(text);
    let (id, options) = words.split_first().ok_or("no id")?;
    let (mut key, mut strict) = (None, None);
    for word in options {
        match word.split_once('=') {
            Some(("key", text)) => key = Some(expand_text(text)?),
            Some(("strict", text)) => strict = Some(expand_text(text)?),
            None if *word == "strict" => strict = Some("true".to_owned()),
            Some(_) | None => return Err(format!("neither key nor strict nor a body: {word}")),
        }
    }
    // An empty id cannot be written as a word.
    let id = if *id == "<empty>" { String::new() } else { expand_text(id)? };
    Ok(RestCall::Write { verb, id, key, strict, body })
}

fn parse_http(method: &str, text: &str) -> Result<HttpCall, String> {
    let (words, body) = split_body(text);
    let (path, headers) = words.split_first().ok_or("no path")?;
    let headers = headers.iter().map(|word| {
        let (name, text) = word.split_once(':').ok_or_else(|| format!("no header: {word}"))?;
        Ok::<_, String>((name.to_owned(), expand(text)))
    });
    let headers = headers.collect::<Result<_, _>>()?;
    Ok(HttpCall { method: method.to_owned(), path: expand_text(path)?, headers, body })
}

/// The body of a request of today's protocol.
#[must_use]
pub fn envelope_of(kind: &str, corr_id: &str, data: &str) -> String {
    format!(r#"{{"kind":"{kind}","head":{{"corrId":"{corr_id}","version":"{VERSION}"}},"data":{data}}}"#)
}

fn parse_envelope(kind: &str, data: &str) -> Asked {
    let corr_id = format!("for {kind}");
    let body = envelope_of(kind, &corr_id, if data.is_empty() { "{}" } else { data });
    Asked { call: Call::Envelope(expand(&body)), echo: Some((kind.to_owned(), corr_id)) }
}

/// Replaces `<a*1025>` and `<0xff>`.
fn expand(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        bytes.extend(&rest.as_bytes()[..start]);
        let inside = rest[start + 1..].split_once('>').and_then(|(inside, behind)| Some((macro_of(inside)?, behind)));
        match inside {
            Some((expanded, behind)) => {
                bytes.extend(expanded);
                rest = behind;
            }
            None => {
                bytes.push(b'<');
                rest = &rest[start + 1..];
            }
        }
    }
    bytes.extend(rest.as_bytes());
    bytes
}

fn macro_of(inside: &str) -> Option<Vec<u8>> {
    if let Some(hex) = inside.strip_prefix("0x") {
        return Some(vec![u8::from_str_radix(hex, 16).ok()?]);
    }
    let (text, count) = inside.rsplit_once('*')?;
    Some(text.repeat(count.parse().ok()?).into_bytes())
}

fn expand_text(text: &str) -> Result<String, String> {
    String::from_utf8(expand(text)).map_err(|_| format!("not UTF-8: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_and_bytes_are_expanded_and_other_angles_stay() {
        assert_eq!(expand("a<b*3>c"), b"abbbc");
        assert_eq!(expand("<ab*2><0xff>"), b"abab\xff");
        assert_eq!(expand("1 < 2 <x> <"), b"1 < 2 <x> <");
    }

    #[test]
    fn a_write_is_read_with_its_options_and_its_body() {
        let asked = parse(r#"create a%2Fb key=k strict {"timeout": 1}"#, None).unwrap_or_else(|why| panic!("{why}"));
        let Call::Rest(RestCall::Write { verb, id, key, strict, body }) = asked.call else { panic!("no write") };
        assert_eq!((verb, &*id, key.as_deref(), strict.as_deref()), (Verb::Create, "a%2Fb", Some("k"), Some("true")));
        assert_eq!(body, br#"{"timeout": 1}"#);
    }

    #[test]
    fn a_request_that_is_none_is_refused() {
        for text in ["fetch a", "create", "create a lock=k", "search q=a&cursor=$cursor"] {
            assert!(parse(text, None).is_err(), "{text}");
        }
    }
}
