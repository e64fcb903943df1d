//! One table, batch by batch: while one is written the next is read.

use std::ops::ControlFlow;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use resonate_core::write::Write;

use super::limits::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, BATCHES_WAITING_MAX};
use super::{Error, Event, Place};
use crate::store;
use crate::store::bulk::{Key, Record, Sink, Source, Table};

/// Records that are put together.
#[derive(Debug, Default)]
struct Batch {
    writes: Vec<Write>,
    /// The key of the last one.
    last: Option<Key>,
    bytes: usize,
    /// Rows among them that cannot be read.
    damaged: Vec<store::Error>,
}

impl Batch {
    fn add(&mut self, row: Result<Record, store::Error>) {
        match row {
            Ok(record) => {
                self.bytes += record.weight();
                self.last = Some(record.key());
                self.writes.push(record.into_write());
            }
            Err(error) => self.damaged.push(error),
        }
    }

    fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES_MAX || self.writes.len() + self.damaged.len() >= BATCH_RECORDS_MAX
    }
}

/// Copies what is left of a table, and moves the place along.
pub(super) fn copy_table(
    source: &mut dyn Source,
    sink: &mut dyn Sink,
    table: Table,
    place: &mut Place,
    skip_damaged: bool,
    watch: &mut dyn FnMut(&Event<'_>),
) -> Result<(), Error> {
    let behind = place.behind.clone();
    thread::scope(|scope| {
        let (send, batches) = sync_channel(BATCHES_WAITING_MAX);
        let reading = scope.spawn(move || read(source, table, behind.as_ref(), skip_damaged, &send));
        // When this ends early, nobody takes what is read, and the reading ends too.
        for Batch { writes, last, damaged, .. } in batches {
            damaged.iter().for_each(|error| watch(&Event::LeftOut(error)));
            let to = Place {
                table: place.table,
                behind: last.or_else(|| place.behind.clone()),
                records: place.records + writes.len() as u64,
            };
            sink.put(&writes, &place.text(), &to.text())?;
            *place = to;
            watch(&Event::Copied { table, records: place.records });
        }
        reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Reads on until the end of the table, or until nobody takes it.
fn read(
    source: &mut dyn Source,
    table: Table,
    behind: Option<&Key>,
    skip_damaged: bool,
    batches: &SyncSender<Batch>,
) -> Result<(), Error> {
    let (mut batch, mut damaged) = (Batch::default(), None);
    source.scan(table, behind, &mut |row| {
        match row {
            Err(error) if !(error.is_row() && skip_damaged) => {
                damaged = Some(error);
                return ControlFlow::Break(());
            }
            row => batch.add(row),
        }
        if batch.is_full() && batches.send(std::mem::take(&mut batch)).is_err() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    // What was good before is kept.
    if !batch.writes.is_empty() || !batch.damaged.is_empty() {
        let _ = batches.send(batch);
    }
    match damaged {
        None => Ok(()),
        Some(error) if error.is_row() => Err(Error::Damaged(error)),
        Some(error) => Err(Error::Store(error)),
    }
}
