//! Writes a recording: one file a server, a line for everything that takes effect. Owns the file and the key of its redaction; the format, and what
//! is redacted, are the core's.
//!
//! A recording never costs a request: when the file cannot be written any more, that is said once, and the server goes on without.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::SystemRandom;
use resonate_core::recording::{Header, REDACTED_BYTES_MIN, Redaction, print_entry, print_reset};
use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;

/// A recording holds what clients store: nobody else may read it.
const MODE: u32 = 0o600;

/// Most recordings that are moved aside before one has to be removed.
const ASIDE_MAX: u32 = 10_000;

/// Writes one recording.
#[derive(Debug)]
pub struct Recorder {
    /// None once the file could not be written.
    out: Option<BufWriter<File>>,
    path: PathBuf,
    /// Drawn for this recording alone, and never written anywhere.
    key: Option<hmac::Key>,
}

impl Recorder {
    /// Opens the file of a new recording. A file that is there already is moved aside, to its name with `.1`, `.2` … behind it. Anything else that is
    /// there is refused: whoever reads a pipe or a terminal slowly would hold up the server.
    ///
    /// # Errors
    /// What cannot be done, for people.
    pub fn create(path: &Path, redact: bool) -> Result<Self, String> {
        let shown = path.display();
        if let Some(aside) = move_aside(path).map_err(|why| format!("cannot write {shown}: {why}"))? {
            tracing::info!(path = %shown, to = %aside.display(), "moved the recording that was there aside");
        }
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(path);
        let file = file.map_err(|why| format!("cannot write {shown}: {why}"))?;
        let key = match redact {
            true => {
                Some(hmac::Key::generate(HMAC_SHA256, &SystemRandom::new()).map_err(|_| "no randomness for a key")?)
            }
            false => None,
        };
        Ok(Self { out: Some(BufWriter::new(file)), path: path.to_owned(), key })
    }

    /// Writes the state that what follows starts from: at the start, and after the store has failed.
    ///
    /// # Errors
    /// What cannot be done, for people.
    pub fn begin(&mut self, now: Timestamp, rules: &Rules, snapshot: Snapshot) -> Result<(), String> {
        let mut header = Header::new(env!("CARGO_PKG_VERSION"), now, rules.clone(), snapshot);
        if let Some(key) = &self.key {
            header = Redaction::new(&mut |text| hash(key, text)).header(&header);
        }
        let Some(out) = &mut self.out else { return Ok(()) };
        let written = write_line(out, &header.print()).and_then(|()| out.flush());
        written.map_err(|why| format!("cannot write {}: {why}", self.path.display()))
    }

    /// Whether nothing is written any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.out.is_none()
    }

    /// Adds a request that has taken effect, and its answer.
    pub fn answered(&mut self, now: Timestamp, request: &Request, reply: &Reply) {
        let line = match &self.key {
            _ if self.is_over() => return,
            None => print_entry(now, request, reply),
            Some(key) => {
                let mut hash = |text: &str| hash(key, text);
                let mut redaction = Redaction::new(&mut hash);
                print_entry(now, &redaction.request(request), &redaction.reply(reply))
            }
        };
        self.line(&line);
    }

    /// Adds that the store was emptied.
    pub fn emptied(&mut self, now: Timestamp) {
        self.line(&print_reset(now));
        self.flush();
    }

    /// Hands what was added to the system, where it outlives the process.
    pub fn flush(&mut self) {
        self.write(BufWriter::flush);
    }

    /// Ends the recording early.
    pub fn give_up(&mut self, why: &dyn std::fmt::Display) {
        if let Some(out) = self.out.take() {
            // What is still buffered would only fail again.
            drop(out.into_parts());
            tracing::error!(path = %self.path.display(), %why, "the recording ends here: the server goes on without");
        }
    }

    fn line(&mut self, line: &str) {
        self.write(|out| write_line(out, line));
    }

    fn write(&mut self, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) {
        if let Some(Err(error)) = self.out.as_mut().map(write) {
            self.give_up(&error);
        }
    }
}

fn write_line(out: &mut impl io::Write, line: &str) -> io::Result<()> {
    out.write_all(line.as_bytes())?;
    out.write_all(b"\n")
}

/// The keyed hash of a text, in hexadecimal, as much of it as a token shows.
fn hash(key: &hmac::Key, text: &str) -> String {
    let tag = hmac::sign(key, text.as_bytes());
    let mut shown = String::with_capacity(REDACTED_BYTES_MIN);
    for byte in tag.as_ref().iter().take(REDACTED_BYTES_MIN / 2) {
        let _ = write!(shown, "{byte:02x}");
    }
    shown
}

/// Gives a file that is there another name, the first one that is free.
fn move_aside(path: &Path) -> io::Result<Option<PathBuf>> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(io::Error::other("it is no file: name one, or a name that is free")),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    for number in 1..=ASIDE_MAX {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        let aside = PathBuf::from(name);
        if matches!(std::fs::symlink_metadata(&aside), Err(error) if error.kind() == ErrorKind::NotFound) {
            std::fs::rename(path, &aside)?;
            return Ok(Some(aside));
        }
    }
    Err(io::Error::other(format!("{ASIDE_MAX} recordings are there already: remove some")))
}
