//! What was written down, record by record: changes of files in the order in which they were made, and the marks of clients between them.

use std::ops::Range;

/// Bytes before the text of a record, see `record.c`.
const HEAD_BYTES: usize = 24;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    /// A file came to be.
    Created { file: u64, name: &'a str },
    /// Bytes went into a file.
    Written { file: u64, at: u64, bytes: Range<usize> },
    /// A file was cut, or made longer.
    Resized { file: u64, length: u64 },
    /// Somebody began to wait for the disk.
    SyncBegun { number: u64 },
    /// He need not wait any longer.
    Synced { file: u64, number: u64 },
    /// He was told that it has failed.
    SyncFailed { file: u64, number: u64 },
    /// A file is gone.
    Removed { name: &'a str },
    /// Clients had noted so many events.
    Mark(u64),
}

/// What was written down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log<'a>(pub(super) &'a [u8]);

impl<'a> Log<'a> {
    /// Everything, in order. A server that is killed may leave half a record at the end.
    ///
    /// # Panics
    /// When it is no log.
    pub(super) fn entries(self) -> Vec<Entry<'a>> {
        let (mut entries, mut from) = (Vec::new(), 0);
        while let Some(head) = self.0.get(from..from + HEAD_BYTES) {
            let word = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
            let length = (word(0) >> 32) as usize;
            let (file, at) = (word(8), word(16));
            let bytes = from + HEAD_BYTES..from + HEAD_BYTES + length;
            let Some(text) = self.0.get(bytes.clone()) else { break };
            let name = || std::str::from_utf8(text).expect("a name");
            entries.push(match head[0] {
                b'C' => Entry::Created { file, name: name() },
                b'W' => Entry::Written { file, at, bytes: bytes.clone() },
                b'T' => Entry::Resized { file, length: at },
                b'S' => Entry::SyncBegun { number: at },
                b'E' => Entry::Synced { file, number: at },
                b'F' => Entry::SyncFailed { file, number: at },
                b'U' => Entry::Removed { name: name() },
                b'M' => Entry::Mark(at),
                other => panic!("{other} is no kind of record"),
            });
            from = bytes.end;
        }
        entries
    }

    /// Some bytes that were written.
    pub(super) fn bytes(self, range: Range<usize>) -> &'a [u8] {
        &self.0[range]
    }
}

/// The record of a client that has noted so many events.
#[must_use]
pub fn mark(events: u64) -> [u8; HEAD_BYTES] {
    let mut record = [0; HEAD_BYTES];
    record[0] = b'M';
    record[16..].copy_from_slice(&events.to_le_bytes());
    record
}
