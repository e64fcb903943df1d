//! Source and target beside each other: a checksum of each table of both, and where they differ the first record that does.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, ScopedJoinHandle};

use super::checksum::{Growing, of_one};
use super::{Checksum, Copied, Difference, Error, Event};
use crate::store;
use crate::store::bulk::{Key, Source, Table};

/// Rows between two words about progress.
const ROWS_PER_WORD: u64 = 10_000;
/// Records that wait to be compared one by one.
const RECORDS_WAITING_MAX: usize = 1000;

/// Compares everything that can be read, over one view of each.
///
/// # Errors
/// [`Error::Differs`] names the first difference.
pub fn compare(
    source: &mut dyn Source,
    target: &mut dyn Source,
    watch: &mut dyn FnMut(&Event<'_>),
) -> Result<Vec<Copied>, Error> {
    let (mut rows, mut copied) = (0, Vec::new());
    for table in Table::ALL {
        let mut word = |more| {
            rows += more;
            watch(&Event::Compared(rows));
        };
        let (ours, theirs) = both(table, source, target, &mut word)?;
        if let Some(error) = theirs.damaged {
            // It was written as it should be.
            return Err(error.into());
        }
        if ours.checksum != theirs.checksum {
            let first = first_difference(table, source, target)?;
            let difference = Difference { table, source: ours.checksum, target: theirs.checksum, first };
            return Err(Error::Differs(Box::new(difference)));
        }
        copied.push(Copied { table, checksum: ours.checksum, left_out: ours.left_out });
    }
    Ok(copied)
}

/// What a table of one side comes to.
struct Read {
    checksum: Checksum,
    /// Rows that cannot be read.
    left_out: u64,
    /// The first of them.
    damaged: Option<store::Error>,
}

/// Reads a table of both sides at once.
fn both(
    table: Table,
    source: &mut dyn Source,
    target: &mut dyn Source,
    word: &mut dyn FnMut(u64),
) -> Result<(Read, Read), Error> {
    thread::scope(|scope| {
        let (words, heard) = channel();
        let our_words = words.clone();
        let ours = scope.spawn(move || read(table, source, &our_words));
        let theirs = scope.spawn(move || read(table, target, &words));
        heard.into_iter().for_each(word);
        Ok((joined(ours)?, joined(theirs)?))
    })
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn read(table: Table, side: &mut dyn Source, words: &Sender<u64>) -> Result<Read, store::Error> {
    let (mut growing, mut left_out, mut damaged, mut unsaid) = (Growing::default(), 0, None, 0);
    side.scan(table, None, &mut |row| {
        match row {
            Ok(record) => growing.add(&record),
            Err(error) => {
                left_out += 1;
                damaged.get_or_insert(error);
            }
        }
        unsaid += 1;
        if unsaid == ROWS_PER_WORD {
            // Whoever does not listen any more does not want to know.
            let _ = words.send(std::mem::take(&mut unsaid));
        }
        ControlFlow::Continue(())
    })?;
    let _ = words.send(unsaid);
    Ok(Read { checksum: growing.end(), left_out, damaged })
}

/// The key of the first record that is in one of them only, or not the same in both.
fn first_difference(table: Table, source: &mut dyn Source, target: &mut dyn Source) -> Result<Option<Key>, Error> {
    thread::scope(|scope| {
        let (send_ours, ours) = sync_channel(RECORDS_WAITING_MAX);
        let (send_theirs, theirs) = sync_channel(RECORDS_WAITING_MAX);
        let ours_reading = scope.spawn(move || show(table, source, &send_ours));
        let theirs_reading = scope.spawn(move || show(table, target, &send_theirs));
        let first = first_of(&ours, &theirs);
        // Nobody looks at the rest.
        drop((ours, theirs));
        joined(ours_reading)?;
        joined(theirs_reading)?;
        Ok(first)
    })
}

type Shown = (Key, [u8; 32]);

fn first_of(ours: &Receiver<Shown>, theirs: &Receiver<Shown>) -> Option<Key> {
    loop {
        match (ours.recv().ok(), theirs.recv().ok()) {
            (None, None) => return None,
            (Some(ours), Some(theirs)) if ours == theirs => {}
            (Some((key, _)), None) | (None, Some((key, _))) => return Some(key),
            (Some((ours, _)), Some((theirs, _))) => return Some(ours.min(theirs)),
        }
    }
}

fn show(table: Table, side: &mut dyn Source, shown: &SyncSender<Shown>) -> Result<(), store::Error> {
    side.scan(table, None, &mut |row| {
        let Ok(record) = row else { return ControlFlow::Continue(()) };
        match shown.send((record.key(), of_one(&record).sha256)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })
}
