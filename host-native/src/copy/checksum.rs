//! What a table comes to: how many records, and a hash of them all in the order of their keys.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::store::bulk::Record;

/// What a table comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// Records.
    pub records: u64,
    /// SHA-256 of all of them as JSON, each with a line feed behind it: fields in the order of their declaration, maps and sets in that of their keys.
    pub sha256: [u8; 32],
}

impl Checksum {
    /// The hash as hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = if self.records == 1 { "record" } else { "records" };
        write!(f, "{} {records} (sha256 {})", self.records, self.hex())
    }
}

/// A checksum that grows.
#[derive(Clone, Debug, Default)]
pub(super) struct Growing {
    records: u64,
    hash: Sha256,
    line: Vec<u8>,
}

impl Growing {
    pub(super) fn add(&mut self, record: &Record) {
        self.records += 1;
        self.line.clear();
        serde_json::to_writer(&mut self.line, record).expect("a record is JSON");
        self.line.push(b'\n');
        self.hash.update(&self.line);
    }

    pub(super) fn end(self) -> Checksum {
        Checksum { records: self.records, sha256: self.hash.finalize().into() }
    }
}

/// That of a record alone.
pub(super) fn of_one(record: &Record) -> Checksum {
    let mut growing = Growing::default();
    growing.add(record);
    growing.end()
}
