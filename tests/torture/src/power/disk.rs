//! A disk as it may be after a power cut. What was synced is there; of what was written since, any part may be: whole writes, single sectors, a name
//! without its file's bytes, or bytes without a name.

use std::collections::BTreeMap;
use std::ops::Range;

use fastrand::Rng;

use super::log::{Entry, Log};

/// What a disk writes as a whole, in bytes.
const SECTOR: u64 = 512;
/// Of what a failed sync was about so much is lost, in percent.
const LOST_PERCENTS: [u8; 3] = [100, 50, 10];

/// A change of a file that is not synced yet.
#[derive(Clone, Debug)]
enum Change {
    Write { at: u64, bytes: Range<usize> },
    Resize { length: u64 },
}

/// A change of names that is not synced yet.
#[derive(Clone, Debug)]
enum Naming {
    Create(String, usize),
    Remove(String),
}

/// One file, under whatever name.
#[derive(Clone, Debug)]
struct File {
    name: String,
    durable: Vec<u8>,
    /// With the number of the entry that made each.
    pending: Vec<(usize, Change)>,
}

/// A disk at a point of a log.
#[derive(Clone, Debug)]
pub(super) struct Disk<'a> {
    log: Log<'a>,
    lie: Option<Lie>,
    /// Whether what a failed sync was about is lost. The operating system goes on showing it: who asks it sees a disk that forgets nothing.
    forgets: bool,
    /// Entries so far.
    entries: usize,
    files: Vec<File>,
    by_inode: BTreeMap<u64, usize>,
    names: BTreeMap<String, usize>,
    namings: Vec<(usize, Naming)>,
    /// Where each sync began that is under way.
    syncs: BTreeMap<u64, usize>,
}

/// What a disk says of itself that is not true: that a sync has done anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Of the database's log.
    Log,
    /// Of the database itself.
    Database,
    /// Of the names of files.
    Folder,
}

impl Lie {
    /// Every lie.
    pub const ALL: [Self; 3] = [Self::Log, Self::Database, Self::Folder];

    /// Which syncs mean nothing.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Log => "of the log",
            Self::Database => "of the database",
            Self::Folder => "of the folder",
        }
    }
}

/// How much of what was not synced is there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rest {
    /// All of it: the machine has lost nothing but its processes.
    All,
    /// Each write with this probability in percent.
    Writes(u8),
    /// Each sector with this probability in percent.
    Sectors(u8),
    /// The first so many changes, and the beginning of the next one.
    Torn(usize),
}

impl<'a> Disk<'a> {
    pub(super) fn new(log: Log<'a>, lie: Option<Lie>) -> Self {
        let (files, by_inode, names) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Self {
            log,
            lie,
            forgets: true,
            entries: 0,
            files,
            by_inode,
            names,
            namings: Vec::new(),
            syncs: BTreeMap::new(),
        }
    }

    /// The files as the operating system shows them.
    pub(super) fn as_shown(log: Log<'a>) -> Self {
        Self { forgets: false, ..Self::new(log, None) }
    }

    /// Does what an entry says.
    pub(super) fn take(&mut self, entry: &Entry<'a>) {
        let number = self.entries;
        self.entries += 1;
        match entry {
            Entry::Created { file, name } => {
                let at = self.files.len();
                self.files.push(File { name: (*name).to_owned(), durable: Vec::new(), pending: Vec::new() });
                self.by_inode.insert(*file, at);
                self.namings.push((number, Naming::Create((*name).to_owned(), at)));
            }
            Entry::Removed { name } => self.namings.push((number, Naming::Remove((*name).to_owned()))),
            Entry::Written { file, at, bytes } => {
                self.change(*file, number, Change::Write { at: *at, bytes: bytes.clone() });
            }
            Entry::Resized { file, length } => self.change(*file, number, Change::Resize { length: *length }),
            Entry::SyncBegun { number: sync } => {
                self.syncs.insert(*sync, number);
            }
            Entry::Synced { file, number: sync } => {
                let begun = self.syncs.remove(sync).expect("a sync that has begun");
                self.sync(*file, begun);
            }
            Entry::SyncFailed { file, number: sync } => {
                let begun = self.syncs.remove(sync).expect("a sync that has begun");
                if self.forgets {
                    self.lose(*file, begun);
                }
            }
            Entry::Mark(_) => {}
        }
    }

    /// What was changed of a file before entry `begun` will never be durable, or some of it is: nobody tries again.
    fn lose(&mut self, inode: u64, begun: usize) {
        let mut rng = Rng::with_seed(begun as u64);
        let percent = LOST_PERCENTS[rng.usize(..LOST_PERCENTS.len())];
        let file = &mut self.files[self.by_inode[&inode]];
        let lost = file.pending.partition_point(|(number, _)| *number < begun);
        for (_, change) in file.pending.drain(..lost) {
            apply(&mut file.durable, self.log, &change, &mut |_| rng.u8(..100) >= percent);
        }
    }

    fn change(&mut self, inode: u64, number: usize, change: Change) {
        let at = self.by_inode[&inode];
        self.files[at].pending.push((number, change));
    }

    /// What was changed before entry `begun` is durable now, of a file or of the folder.
    fn sync(&mut self, inode: u64, begun: usize) {
        let Some(at) = self.by_inode.get(&inode) else {
            if self.lie == Some(Lie::Folder) {
                return;
            }
            let done = self.namings.partition_point(|(number, _)| *number < begun);
            for (_, naming) in self.namings.drain(..done) {
                name(&mut self.names, naming);
            }
            return;
        };
        let file = &mut self.files[*at];
        let kind = if file.name.ends_with("-wal") { Lie::Log } else { Lie::Database };
        if self.lie == Some(kind) {
            return;
        }
        let done = file.pending.partition_point(|(number, _)| *number < begun);
        for (_, change) in file.pending.drain(..done) {
            apply(&mut file.durable, self.log, &change, &mut |_| true);
        }
    }

    /// Changes that are not synced yet.
    pub(super) fn pending(&self) -> usize {
        self.files.iter().map(|file| file.pending.len()).sum::<usize>() + self.namings.len()
    }

    /// The files that are there after a power cut, with their names.
    pub(super) fn after_cut(&self, rest: Rest, rng: &mut Rng) -> Vec<(String, Vec<u8>)> {
        let torn = match rest {
            Rest::Torn(whole) => self.entry_of(whole),
            Rest::All | Rest::Writes(_) | Rest::Sectors(_) => usize::MAX,
        };
        let is_there = |number: usize, rng: &mut Rng| match rest {
            Rest::All => true,
            Rest::Writes(percent) => rng.u8(..100) < percent,
            // Each sector by itself.
            Rest::Sectors(_) => true,
            Rest::Torn(_) => number <= torn,
        };
        let mut names = self.names.clone();
        for (number, naming) in &self.namings {
            if is_there(*number, rng) && (!matches!(rest, Rest::Sectors(_)) || rng.bool()) {
                name(&mut names, naming.clone());
            }
        }
        let mut files = Vec::new();
        for (name, at) in names {
            let file = &self.files[at];
            let mut bytes = file.durable.clone();
            for (number, change) in &file.pending {
                if !is_there(*number, rng) {
                    continue;
                }
                let mut goes_on = true;
                apply(&mut bytes, self.log, change, &mut |_| match rest {
                    Rest::All | Rest::Writes(_) => true,
                    Rest::Sectors(percent) => rng.u8(..100) < percent,
                    Rest::Torn(_) => {
                        goes_on &= *number != torn || rng.u8(..3) > 0;
                        goes_on
                    }
                });
            }
            files.push((name, bytes));
        }
        files
    }

    /// The entry of the pending change with so many before it.
    fn entry_of(&self, rank: usize) -> usize {
        let changes = self.files.iter().flat_map(|file| file.pending.iter().map(|(number, _)| *number));
        let mut numbers: Vec<usize> = changes.chain(self.namings.iter().map(|(number, _)| *number)).collect();
        numbers.sort_unstable();
        numbers.get(rank).copied().unwrap_or(usize::MAX)
    }
}

fn name(names: &mut BTreeMap<String, usize>, naming: Naming) {
    match naming {
        Naming::Create(name, at) => {
            names.insert(name, at);
        }
        Naming::Remove(name) => {
            names.remove(&name);
        }
    }
}

/// Makes those parts of a change of which `is_there` says so: the sectors of a write, or all of a cut.
fn apply(file: &mut Vec<u8>, log: Log<'_>, change: &Change, is_there: &mut dyn FnMut(u64) -> bool) {
    match change {
        Change::Resize { length } => {
            if is_there(0) {
                file.resize(usize::try_from(*length).expect("a length"), 0);
            }
        }
        Change::Write { at, bytes } => {
            let (mut from, end) = (*at, *at + bytes.len() as u64);
            while from < end {
                let to = (from / SECTOR * SECTOR + SECTOR).min(end);
                if is_there(from) {
                    let offset = |position: u64| usize::try_from(position).expect("a position");
                    if file.len() < offset(to) {
                        file.resize(offset(to), 0);
                    }
                    let start = bytes.start + offset(from - at);
                    file[offset(from)..offset(to)].copy_from_slice(log.bytes(start..start + offset(to - from)));
                }
                from = to;
            }
        }
    }
}

#[cfg(test)]
mod tests;
