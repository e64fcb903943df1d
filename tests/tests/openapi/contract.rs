//! The document as something that requests and answers are held against.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use resonate::http::openapi::DOCUMENT;
use resonate_tests::driver::{Answer, HttpCall};
use serde_json::{Value, json};

/// An operation: the template of its path, and its method in small letters.
type Operation = (String, String);

/// The document, and what was seen of it.
pub(super) struct Contract {
    document: Value,
    answers: BTreeMap<(Operation, u16), Option<Validator>>,
    requests: BTreeMap<Operation, Validator>,
    seen: BTreeSet<(Operation, u16)>,
    kinds_seen: BTreeSet<String>,
    failures: Vec<String>,
}

impl Contract {
    pub(super) fn load() -> Self {
        let document: Value = serde_json::from_str(DOCUMENT).expect("the document is JSON");
        let (mut answers, mut requests) = (BTreeMap::new(), BTreeMap::new());
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, described) in methods.as_object().expect("methods") {
                let operation = (path.clone(), method.clone());
                if let Some(schema) = schema_of(&described["requestBody"]) {
                    requests.insert(operation.clone(), validator(&document, schema, false));
                }
                for (status, answer) in described["responses"].as_object().expect("responses") {
                    let answer = follow(&document, answer);
                    let validator = schema_of(answer).map(|schema| validator(&document, schema, true));
                    answers.insert((operation.clone(), status.parse().expect("a status")), validator);
                }
            }
        }
        let (seen, kinds_seen) = (BTreeSet::new(), BTreeSet::new());
        Self { document, answers, requests, seen, kinds_seen, failures: Vec::new() }
    }

    pub(super) fn document(&self) -> &Value {
        &self.document
    }

    /// The kinds of today's protocol that are described as requests; those described as answers are the same.
    pub(super) fn kinds(&self) -> BTreeSet<String> {
        let mapped = |name: &str| -> BTreeSet<String> {
            let mapping = &self.document["components"]["schemas"][name]["discriminator"]["mapping"];
            mapping.as_object().expect("a mapping").keys().cloned().collect()
        };
        assert_eq!(mapped("Request"), mapped("Answer"));
        mapped("Request")
    }

    /// Checks that every reference leads somewhere, and that nothing is described that nobody refers to.
    pub(super) fn check_references(&self) {
        let mut referred = BTreeSet::new();
        collect_references(&self.document, &mut referred);
        for reference in &referred {
            let pointer = reference.strip_prefix('#').expect("a reference inside the document");
            assert!(self.document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
        for room in ["schemas", "responses", "parameters"] {
            for name in self.document["components"][room].as_object().expect("components").keys() {
                let reference = format!("#/components/{room}/{name}");
                assert!(referred.contains(&reference), "nobody refers to {reference}");
            }
        }
    }

    /// Looks at a request and the answer to it. What is not described at all, such as a wrong method, is nobody's promise.
    pub(super) fn witness(&mut self, call: &HttpCall, answer: &Answer) {
        let Some(operation) = self.operation(call) else { return };
        let shown = || {
            let body = String::from_utf8_lossy(&call.body).chars().take(400).collect::<String>();
            format!("{} {} {body}", call.method, call.path)
        };
        let key = (operation, answer.status);
        match self.answers.get(&key) {
            None => self.failures.push(format!("{}: {} is not described: {}", shown(), answer.status, answer.body)),
            Some(None) if answer.body.is_null() => {}
            Some(None) => self.failures.push(format!("{}: {} has no body", shown(), answer.status)),
            Some(Some(validator)) => {
                if let Some(error) = validator.iter_errors(&answer.body).next() {
                    let place = error.instance_path().to_string();
                    self.failures.push(format!("{}: {} at {place:?}: {error}", shown(), answer.status));
                }
            }
        }
        let (operation, status) = key;
        if let Some(validator) = self.requests.get(&operation).filter(|_| status < 400 && !call.body.is_empty()) {
            let body: Value = serde_json::from_slice(&call.body).expect("what is accepted is JSON");
            if let Some(error) = validator.iter_errors(&body).next() {
                let place = error.instance_path().to_string();
                self.failures.push(format!("{}: accepted, but at {place:?}: {error}", shown()));
            }
            self.kinds_seen.extend(body["kind"].as_str().map(str::to_owned));
        }
        self.seen.insert((operation, status));
    }

    pub(super) fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    /// Fails with everything that did not fit, or was never seen although a table can provoke it.
    pub(super) fn conclude(&self) {
        let shown: Vec<&str> = self.failures.iter().take(20).map(String::as_str).collect();
        assert!(shown.is_empty(), "{} differences\n{}", self.failures.len(), shown.join("\n"));
        let unseen: Vec<_> = self.answers.keys().filter(|key| !self.seen.contains(key) && is_provoked(key)).collect();
        assert!(unseen.is_empty(), "described and never seen: {unseen:?}");
        let kinds = self.kinds().into_iter().filter(|kind| !kind.starts_with("debug."));
        let unseen: Vec<_> = kinds.filter(|kind| !self.kinds_seen.contains(kind)).collect();
        assert!(unseen.is_empty(), "never accepted: {unseen:?}");
    }

    /// The operation that a call is for.
    fn operation(&self, call: &HttpCall) -> Option<Operation> {
        let path = call.path.split('?').next().unwrap_or_default();
        let method = call.method.to_ascii_lowercase();
        let paths = self.document["paths"].as_object().expect("paths");
        let fits = |template: &str| {
            let (parts, wanted): (Vec<_>, Vec<_>) = (path.split('/').collect(), template.split('/').collect());
            parts.len() == wanted.len()
                && wanted.iter().zip(parts).all(|(wanted, part)| wanted.starts_with('{') || *wanted == part)
        };
        let (template, _) =
            paths.iter().find(|(template, methods)| fits(template) && methods.get(&method).is_some())?;
        Some((template.clone(), method))
    }
}

/// Whether tables can provoke an answer: tokens, slow bodies and broken stores are not theirs, nor are the paths around the protocols.
fn is_provoked(((path, _), status): &(Operation, u16)) -> bool {
    !matches!(status, 401 | 408 | 500 | 503)
        && (path == "/" || path.starts_with("/promises"))
        && !(matches!(path.as_str(), "/promises" | "/promises/{id}") && *status == 403)
}

/// What a reference leads to, or the thing itself.
fn follow<'a>(document: &'a Value, thing: &'a Value) -> &'a Value {
    match thing["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).expect("a reference that leads somewhere"),
        None => thing,
    }
}

fn schema_of(described: &Value) -> Option<&Value> {
    described.pointer("/content/application~1json/schema")
}

/// A validator of a schema of the document. A closed one takes no fields that are not described, so that none can be forgotten.
fn validator(document: &Value, schema: &Value, closed: bool) -> Validator {
    let mut whole = json!({"components": {"schemas": document["components"]["schemas"]}, "allOf": [schema]});
    if closed {
        close(&mut whole["components"]["schemas"]);
    }
    jsonschema::draft202012::new(&whole).unwrap_or_else(|why| panic!("{schema}: {why}"))
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(close);
            // What is put together from parts is closed where the parts are.
            if fields.get("type").is_some_and(|kind| kind == "object")
                && fields.get("properties").is_some_and(Value::is_object)
            {
                fields.entry("additionalProperties").or_insert(Value::Bool(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn collect_references(thing: &Value, referred: &mut BTreeSet<String>) {
    match thing {
        Value::Object(fields) => {
            referred.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            let mapping = fields.get("mapping").and_then(Value::as_object);
            referred.extend(
                mapping.into_iter().flat_map(|mapping| mapping.values()).filter_map(Value::as_str).map(str::to_owned),
            );
            fields.values().for_each(|inner| collect_references(inner, referred));
        }
        Value::Array(items) => items.iter().for_each(|inner| collect_references(inner, referred)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
