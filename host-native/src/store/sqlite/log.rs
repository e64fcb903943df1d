//! The write-ahead log as a process before has left it. What a killed server has written is shown by the operating system, and read by SQLite, whether it
//! is on disk or not; after a sync that has failed it never will be, since nobody writes it again. Whatever is found there is about to be shown to
//! clients, and new commits are about to lie behind it: it is made durable first.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

use crate::store::Error;

/// Bytes that are written again at once.
const PIECE_BYTES: usize = 1 << 20;

/// Writes the log of a database again, as it is, and waits until it is on disk. Nobody else writes meanwhile.
pub(super) fn make_durable(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let why = |error| Error::Open(format!("cannot write the log beside {} again: {error}", path.display()));
    rewrite(path).map_err(why)?;
    Ok(tx.rollback()?)
}

fn rewrite(path: &Path) -> std::io::Result<()> {
    let mut name = super::real_path(path).into_os_string();
    name.push("-wal");
    let name = PathBuf::from(name);
    let mut log = match File::options().read(true).write(true).open(&name) {
        Ok(log) => log,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let (mut piece, mut at) = (vec![0; PIECE_BYTES], 0);
    loop {
        log.seek(SeekFrom::Start(at))?;
        let read = log.read(&mut piece)?;
        if read == 0 {
            break;
        }
        log.seek(SeekFrom::Start(at))?;
        log.write_all(&piece[..read])?;
        at += read as u64;
    }
    if at > 0 {
        log.sync_all()?;
        name.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
    }
    Ok(())
}
