//! What a power cut leaves, on disks small enough to say.

use fastrand::Rng;

use super::{Disk, Entry, Lie, Log, Rest};

const FOLDER: u64 = 1;
const FILE: u64 = 2;
/// Three sectors.
const BYTES: [u8; 1536] = [7; 1536];

/// What is there after these entries, without anything that was not synced, or with some of it.
fn after(entries: &[Entry<'_>], lie: Option<Lie>, rest: Rest, seed: u64) -> Vec<(String, Vec<u8>)> {
    let mut disk = Disk::new(Log(&BYTES), lie);
    entries.iter().for_each(|entry| disk.take(entry));
    disk.after_cut(rest, &mut Rng::with_seed(seed))
}

fn written(at: u64, length: usize) -> Entry<'static> {
    Entry::Written { file: FILE, at, bytes: 0..length }
}

fn sync(file: u64, number: u64) -> [Entry<'static>; 2] {
    [Entry::SyncBegun { number }, Entry::Synced { file, number }]
}

fn files(length: usize) -> Vec<(String, Vec<u8>)> {
    vec![("db-wal".to_owned(), vec![7; length])]
}

const CREATED: Entry<'static> = Entry::Created { file: FILE, name: "db-wal" };
const NOTHING: Rest = Rest::Writes(0);

#[test]
fn what_was_synced_is_there_and_what_was_written_since_may_be() {
    let entries = [vec![CREATED, written(0, 10)], sync(FILE, 1).into(), sync(FOLDER, 2).into(), vec![written(10, 5)]];
    let entries = entries.concat();
    assert_eq!(after(&entries, None, NOTHING, 0), files(10));
    assert_eq!(after(&entries, None, Rest::All, 0), files(15));
    assert_eq!(after(&entries, Some(Lie::Database), NOTHING, 0), files(10));
    assert_eq!(after(&entries, Some(Lie::Log), NOTHING, 0), files(0));
    assert_eq!(after(&entries, Some(Lie::Folder), NOTHING, 0), []);
}

#[test]
fn a_sync_is_about_what_was_written_before_it_began() {
    let [begun, synced] = sync(FILE, 1);
    let folder = sync(FOLDER, 2);
    let entries = [vec![CREATED, written(0, 10), begun, written(10, 5), synced], folder.into()].concat();
    assert_eq!(after(&entries, None, NOTHING, 0), files(10));
    // Nobody waits for a sync that has not ended.
    assert_eq!(after(&entries[..4], None, NOTHING, 0), []);
}

#[test]
fn a_name_is_there_when_its_folder_was_synced_and_goes_the_same_way() {
    let entries = [vec![CREATED, written(0, 10)], sync(FILE, 1).into()].concat();
    assert_eq!(after(&entries, None, NOTHING, 0), []);
    assert_eq!(after(&entries, None, Rest::All, 0), files(10));
    let removed = Entry::Removed { name: "db-wal" };
    let entries = [entries, sync(FOLDER, 2).into(), vec![removed]].concat();
    assert_eq!(after(&entries, None, NOTHING, 0), files(10));
    assert_eq!(after(&entries, None, Rest::All, 0), []);
    let entries = [entries, sync(FOLDER, 3).into()].concat();
    assert_eq!(after(&entries, None, NOTHING, 0), []);
}

#[test]
fn a_write_may_be_there_sector_by_sector_or_torn_off() {
    let start = [vec![CREATED], sync(FILE, 1).into(), sync(FOLDER, 2).into()].concat();
    let entries = [start, vec![written(100, BYTES.len())]].concat();
    let (mut torn, mut holes) = (0, 0);
    for seed in 0..100 {
        let found = after(&entries, None, Rest::Torn(0), seed).remove(0).1;
        // Up to the end of a sector, or of the write.
        assert!([0, 512, 1024, 1536, 1636].contains(&found.len()), "{}", found.len());
        assert!(found.iter().skip(100).all(|byte| *byte == 7));
        torn += usize::from(found.len() > 100 && found.len() < 1636);
        let found = after(&entries, None, Rest::Sectors(50), seed).remove(0).1;
        holes += usize::from(found.len() > 512 && found[100] == 0);
    }
    assert!(torn > 10 && holes > 10, "{torn}, {holes}");
}
