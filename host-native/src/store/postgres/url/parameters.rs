//! The text of a connection string as named values: a URL or `key=value` pairs, spelled as libpq documents them. It knows what is text and what
//! is a number, and nothing of what the values are for. What it says about bad input never holds a part of the password.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// What a value may stand for: its spelling, and what it means.
pub(super) type Choices<T> = [(&'static str, T)];

/// The values that were given, by name. Whoever understands one takes it out.
pub(super) struct Parameters {
    values: BTreeMap<String, String>,
    /// What looks like a name may be a piece of a password that was not escaped.
    password_among: bool,
}

impl Parameters {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let mut read = Self { values: BTreeMap::new(), password_among: false };
        match rest {
            Some(rest) => read.read_url(rest)?,
            None if text.split_once("://").is_some_and(|(scheme, _)| !scheme.contains('=')) => {
                return Err("it must begin with postgres://".to_owned());
            }
            None => read.read_pairs(text)?,
        }
        match read.values.iter().find(|(name, value)| name.contains('\0') || value.contains('\0')) {
            Some(_) => Err("it holds a NUL character: remove it".to_owned()),
            None => Ok(read),
        }
    }

    fn read_url(&mut self, url: &str) -> Result<(), String> {
        const ESCAPE: &str = "an `@`, `/` or `?` in the user or the password must be written as %40, %2F or %3F";
        let mut rest = url;
        if let Some(end) = url.find(['@', '/'])
            && url[end..].starts_with('@')
        {
            let (user, password) = url[..end].split_once(':').unwrap_or((&url[..end], ""));
            self.set("user", decoded(user)?);
            self.set("password", decoded(password)?);
            rest = &url[end + 1..];
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        if place.contains('@') {
            return Err(ESCAPE.to_owned());
        }
        let (servers, database) = place.split_once('/').unwrap_or((place, ""));
        self.set("dbname", decoded(database)?);
        self.read_servers(servers)?;
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let Some((name, value)) = parameter.split_once('=') else {
                return Err("every parameter behind the `?` needs a value: name=value&name=value".to_owned());
            };
            let name = decoded(name)?;
            self.password_among |= name == "password";
            self.set(&name, decoded(value)?);
        }
        Ok(())
    }

    /// Reads `host:port,host:port`, where a host may be an IPv6 address in brackets.
    fn read_servers(&mut self, servers: &str) -> Result<(), String> {
        let (mut hosts, mut ports) = (Vec::new(), Vec::new());
        for server in servers.split(',') {
            let after_host = match server.strip_prefix('[') {
                Some(_) => server.find(']').map_or(server.len(), |end| end + 1),
                None => server.find(':').unwrap_or(server.len()),
            };
            let (host, port) = server.split_at(after_host);
            let port = port.strip_prefix(':').unwrap_or(port);
            if port.contains(':') || (host.starts_with('[') && !host.ends_with(']')) {
                return Err("an IPv6 address is written in brackets: [::1]:5432".to_owned());
            }
            hosts.push(decoded(host.trim_start_matches('[').trim_end_matches(']'))?);
            ports.push(decoded(port)?);
        }
        self.set("host", hosts.join(","));
        if ports.iter().any(|port| !port.is_empty()) {
            self.set("port", ports.join(","));
        }
        Ok(())
    }

    /// Reads `name=value name='a value'`, where `\` takes the meaning from what follows.
    fn read_pairs(&mut self, text: &str) -> Result<(), String> {
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (name, behind) = rest.split_once('=').unwrap_or((rest, ""));
            let name = name.trim_end();
            if name.len() == rest.trim_end().len() || name.contains(char::is_whitespace) {
                return Err("it must be a URL (postgres://user@host/database) or pairs (host=… dbname=…); \
                            a value with a space needs quotes: name='a value'"
                    .to_owned());
            }
            let (value, behind) = value(behind.trim_start())?;
            self.password_among |= name == "password";
            self.set(name, value);
            rest = behind.trim_start();
        }
        Ok(())
    }

    /// Of two values the last one counts, and an empty one is none.
    fn set(&mut self, name: &str, value: String) {
        match value.is_empty() {
            true => drop(self.values.remove(name)),
            false => drop(self.values.insert(name.to_owned(), value)),
        }
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.values.remove(name)
    }

    pub(super) fn list(&mut self, name: &str) -> Vec<String> {
        let list = self.text(name).unwrap_or_default();
        list.split(',').filter(|_| !list.is_empty()).map(|entry| entry.trim().to_owned()).collect()
    }

    pub(super) fn number(&mut self, name: &str) -> Result<Option<u32>, String> {
        let number =
            |text: String| text.trim().parse().map_err(|_| format!("{name} must be a whole number, from 0 on"));
        self.text(name).map(number).transpose()
    }

    pub(super) fn choice<T: Copy>(&mut self, name: &str, choices: &Choices<T>) -> Result<Option<T>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match choices.iter().find(|(spelling, _)| *spelling == text) {
            Some((_, meant)) => Ok(Some(*meant)),
            None => {
                let spellings: Vec<&str> = choices.iter().map(|(spelling, _)| *spelling).collect();
                Err(format!("{name} must be one of: {}", spellings.join(", ")))
            }
        }
    }

    /// Everything that has a meaning was taken out.
    pub(super) fn finish(self) -> Result<(), String> {
        match self.values.into_keys().next() {
            None => Ok(()),
            Some(_) if self.password_among => {
                Err("it holds a parameter that this server does not know: leave it out; a `&`, `=`, quote or space in the password must be \
                     escaped"
                    .to_owned())
            }
            Some(name) => Err(format!("this server does not know the parameter {name}: leave it out")),
        }
    }
}

/// A value at the start of `text`, and what is behind it.
fn value(text: &str) -> Result<(String, &str), String> {
    let quoted = text.strip_prefix('\'');
    let mut value = String::new();
    let mut chars = quoted.unwrap_or(text).chars();
    while let Some(next) = chars.next() {
        match next {
            '\\' => value.extend(chars.next()),
            '\'' if quoted.is_some() => return Ok((value, chars.as_str())),
            space if quoted.is_none() && space.is_whitespace() => return Ok((value, chars.as_str())),
            other => value.push(other),
        }
    }
    match quoted {
        None => Ok((value, "")),
        Some(_) => Err("a quote is not closed; a quote inside of a value is written as \\'".to_owned()),
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(String::from).map_err(|_| "a percent-encoded character (%..) is not UTF-8".to_owned())
}
