//! Reading JSON objects field by field, in the order in which a request is described and not in the order in which it was written, with errors
//! that name the whole path. Knows JSON and the domain's types, no request.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::address::Address;
use crate::id::Id;
use crate::time::{MILLIS_MAX, Millis, Timestamp};
use crate::value::Value;
use crate::wire::BadInput;
use crate::wire::field::has_nul;

/// The largest integer that every JSON client holds exactly.
const INTEGER_MAX: u64 = MILLIS_MAX;
/// Characters of a refused value that an error shows.
const SHOWN_CHARS_MAX: usize = 40;

/// Where a value stands in the body. Written out only when something is wrong.
#[derive(Clone, Copy, Debug)]
pub(super) enum Path<'a> {
    /// The body.
    Top,
    /// A field of an object.
    Field(&'a Path<'a>, &'a str),
    /// An item of an array.
    Item(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => Ok(()),
            Self::Field(Path::Top, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, at) => write!(f, "{parent}[{at}]"),
        }
    }
}

/// A field that was looked for; absent where it is missing or `null`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    path: Path<'a>,
    raw: Option<&'a RawValue>,
}

impl<'a> Field<'a> {
    pub(super) fn new(path: Path<'a>, raw: Option<&'a RawValue>) -> Self {
        Self { path, raw: raw.filter(|raw| raw.get() != "null") }
    }

    /// The error that this field does not fit.
    pub(super) fn refuse(&self, why: impl fmt::Display) -> BadInput {
        BadInput::field(&self.path.to_string(), why)
    }

    /// What `read` makes of the JSON; where it is missing or nothing to `read`, the error says what is expected.
    fn required<T>(
        &self,
        expected: impl fmt::Display,
        read: impl FnOnce(&'a RawValue) -> Option<T>,
    ) -> Result<T, BadInput> {
        let Some(raw) = self.raw else { return Err(self.refuse(format_args!("is required: {expected}"))) };
        read(raw).ok_or_else(|| self.refuse(format_args!("must be {expected}, not {}", shown(raw.get()))))
    }

    /// What `read` makes of the field, unless it is absent.
    pub(super) fn optional<T>(&self, read: impl FnOnce(&Self) -> Result<T, BadInput>) -> Result<Option<T>, BadInput> {
        if self.raw.is_some() { read(self).map(Some) } else { Ok(None) }
    }

    /// The JSON of an object.
    pub(super) fn object(&self) -> Result<&'a RawValue, BadInput> {
        self.required("an object", |raw| raw.get().starts_with('{').then_some(raw))
    }

    /// The named fields of an object. Others are ignored.
    pub(super) fn fields<'b, const N: usize>(&'b self, names: [&'static str; N]) -> Result<[Field<'b>; N], BadInput> {
        fields(&self.path, self.object()?, names)
    }

    /// The items of an array.
    pub(super) fn items<'b>(&'b self, expected: &str) -> Result<Vec<Field<'b>>, BadInput> {
        let raws: Vec<&RawValue> = self.required(expected, |raw| serde_json::from_str(raw.get()).ok())?;
        let item = |(at, raw)| Field::new(Path::Item(&self.path, at), Some(raw));
        Ok(raws.into_iter().enumerate().map(item).collect())
    }

    /// A string.
    pub(super) fn text(&self) -> Result<Cow<'a, str>, BadInput> {
        let quoted = self.required("a string", |raw| raw.get().starts_with('"').then_some(raw))?;
        unquoted(quoted).ok_or_else(|| self.refuse("must be Unicode text: an escape in it is not a character"))
    }

    /// A string that is not empty and without NUL.
    pub(super) fn name(&self) -> Result<Arc<str>, BadInput> {
        let text = self.text()?;
        if text.is_empty() {
            return Err(self.refuse("must not be empty"));
        }
        if text.contains('\0') {
            return Err(self.refuse("must not contain NUL characters"));
        }
        Ok(text.into())
    }

    /// An id.
    pub(super) fn id(&self) -> Result<Id, BadInput> {
        Id::parse(&self.text()?).map_err(|why| self.refuse(why))
    }

    /// A routable address.
    pub(super) fn address(&self) -> Result<Address, BadInput> {
        Address::parse(&self.text()?).map_err(|why| self.refuse(why))
    }

    fn integer(&self, noun: &str, least: u64, most: u64) -> Result<u64, BadInput> {
        // A number in JSON has no sign or zeros in front that Rust would take and JSON would not.
        let read = |raw: &RawValue| raw.get().parse().ok().filter(|number| (least..=most).contains(number));
        self.required(format_args!("{noun}an integer from {least} to {most}"), read)
    }

    /// An instant.
    pub(super) fn instant(&self) -> Result<Timestamp, BadInput> {
        self.integer("an instant in milliseconds since 1970, ", 0, MILLIS_MAX).map(Timestamp::saturating)
    }

    /// A duration of at least so many milliseconds.
    pub(super) fn duration(&self, least: u64) -> Result<Millis, BadInput> {
        self.integer("a duration in milliseconds, ", least, MILLIS_MAX).map(Millis::saturating)
    }

    /// Yes or no.
    pub(super) fn flag(&self) -> Result<bool, BadInput> {
        self.required("true or false", |raw| raw.get().parse().ok())
    }

    /// The version of a task.
    pub(super) fn version(&self) -> Result<u64, BadInput> {
        self.integer("", 0, INTEGER_MAX)
    }

    /// The length of a page.
    pub(super) fn limit(&self, most: usize) -> Result<usize, BadInput> {
        let limit = self.integer("", 1, u64::try_from(most).unwrap_or(u64::MAX))?;
        Ok(usize::try_from(limit).unwrap_or(most))
    }

    /// One of several names.
    pub(super) fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, BadInput> {
        let text = self.required(Choices(choices), |raw| raw.get().starts_with('"').then_some(raw))?;
        let chosen = unquoted(text).and_then(|text| choices.iter().find(|(name, _)| *name == text));
        chosen
            .map(|(_, choice)| *choice)
            .ok_or_else(|| self.refuse(format_args!("must be {}, not {}", Choices(choices), shown(text.get()))))
    }

    /// An object of strings without NUL.
    pub(super) fn map(&self) -> Result<BTreeMap<String, String>, BadInput> {
        let object = self.required("an object of strings", |raw| raw.get().starts_with('{').then_some(raw))?;
        match serde_json::from_str(object.get()) {
            Ok(map) if has_nul(&map) => Err(self.refuse("must not contain NUL characters")),
            Ok(map) => Ok(map),
            Err(_) => Err(self.refuse_map(object)),
        }
    }

    /// Looks for what keeps an object from being one of strings.
    fn refuse_map(&self, object: &RawValue) -> BadInput {
        let Ok(map) = serde_json::from_str::<BTreeMap<String, &RawValue>>(object.get()) else {
            return self.refuse("must have names of Unicode text: an escape in one is not a character");
        };
        let wrong = map.iter().find_map(|(name, raw)| {
            let name = clipped(name);
            Field { path: Path::Field(&self.path, &name), raw: Some(raw) }.text().err()
        });
        wrong.unwrap_or_else(|| self.refuse("must be an object of strings"))
    }

    /// A value; without parts where the field is absent.
    pub(super) fn value(&self) -> Result<Value, BadInput> {
        if self.raw.is_none() {
            return Ok(Value::default());
        }
        let [headers, data] = self.fields(["headers", "data"])?;
        let headers = headers.optional(Field::map)?;
        Ok(Value { headers, data: data.optional(Field::text)?.map(Cow::into_owned) })
    }
}

/// The named fields of an object whose JSON is known to be well formed.
pub(super) fn fields<'a, const N: usize>(
    path: &'a Path<'a>,
    object: &'a RawValue,
    names: [&'static str; N],
) -> Result<[Field<'a>; N], BadInput> {
    let mut found = Found::new(names);
    match found.read(object.get()) {
        Ok(()) => found.into_fields(path),
        Err(_) => Err(BadInput::field(
            &path.to_string(),
            "must be an object with names of Unicode text: an escape in one is not a character",
        )),
    }
}

/// The fields of an object that are looked for, and what was found before anything went wrong.
#[derive(Debug)]
pub(super) struct Found<'a, const N: usize> {
    names: [&'static str; N],
    pub(super) raws: [Option<&'a RawValue>; N],
    twice: Option<usize>,
}

impl<'a, const N: usize> Found<'a, N> {
    pub(super) fn new(names: [&'static str; N]) -> Self {
        Self { names, raws: [None; N], twice: None }
    }

    /// Reads an object. What was found stays when the text turns out to be broken further on.
    pub(super) fn read(&mut self, text: &'a str) -> Result<(), serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        deserializer.deserialize_map(&mut *self)?;
        deserializer.end()
    }

    /// What was found, or the error that a field stands twice.
    pub(super) fn into_fields(self, path: &'a Path<'a>) -> Result<[Field<'a>; N], BadInput> {
        if let Some(at) = self.twice {
            return Err(Field::new(Path::Field(path, self.names[at]), None).refuse("is given twice"));
        }
        Ok(std::array::from_fn(|at| Field::new(Path::Field(path, self.names[at]), self.raws[at])))
    }
}

impl<'de, const N: usize> Visitor<'de> for &mut Found<'de, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(wanted) = map.next_key_seed(Wanted(&self.names))? {
            match wanted {
                Some(at) => {
                    if self.raws[at].replace(map.next_value()?).is_some() {
                        self.twice = self.twice.or(Some(at));
                    }
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Recognizes a field's name without keeping it.
struct Wanted<'n>(&'n [&'static str]);

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Wanted<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|wanted| *wanted == name))
    }
}

/// The text of a JSON string; nothing where it is another JSON or its escapes are not Unicode.
pub(super) fn unquoted(raw: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|Text(text)| text)
}

/// A refused piece of JSON, short enough for an error.
fn shown(json: &str) -> Cow<'_, str> {
    if json.starts_with('{') {
        return "an object".into();
    }
    if json.starts_with('[') {
        return "an array".into();
    }
    clipped(json)
}

/// A text of the client, short enough for an error.
pub(super) fn clipped(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// Names as a sentence lists them.
struct Choices<'c, T>(&'c [(&'c str, T)]);

impl<T> fmt::Display for Choices<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, _)) in self.0.iter().enumerate() {
            let separator = match at {
                0 => "",
                _ if at + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            write!(f, "{separator}{name}")?;
        }
        Ok(())
    }
}
