//! Power cuts at the points of a log: each disk is opened by the server's own store and held to what clients knew then.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use fastrand::Rng;
use resonate_process::folder::Folder;
use resonate_process::now_millis;

use super::disk::{Disk, Lie, Rest};
use super::log::Entry;
use super::record::Recording;
use crate::book::Book;
use crate::report::Cuts;
use crate::whole::{self, DATABASE};

/// SQLite's own check goes through everything.
const THOROUGH_ONE_IN: u8 = 8;
/// Probabilities in percent with which a write or a sector is there.
const PERCENTS: [u8; 5] = [0, 10, 50, 90, 97];

/// Which cuts to make.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) lie: Option<Lie>,
    pub(super) seed: u64,
    pub(super) one_point_in: usize,
    pub(super) subsets: usize,
    pub(super) violations_max: usize,
}

/// What happens between two entries: how many disks are tried there.
#[derive(Clone, Copy, Debug, Default)]
struct Point {
    prefix: bool,
    subsets: usize,
}

impl Plan {
    /// Makes them, on all cores.
    pub(super) fn run(&self, recording: &Recording, tell: &(dyn Fn(u64, u64) + Sync)) -> Cuts {
        let entries = recording.log().entries();
        let points = self.points(&entries);
        let total = points.iter().filter(|point| point.prefix || point.subsets > 0).count() as u64;
        let (done, cuts) = (AtomicU64::new(0), Mutex::new(Cuts::default()));
        let violations = AtomicUsize::new(0);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for share in 0..threads {
                let (entries, points, cuts, done, violations) = (&entries, &points, &cuts, &done, &violations);
                scope.spawn(move || {
                    let mut cutter = Cutter::new(self, recording);
                    for (number, (entry, point)) in entries.iter().zip(points).enumerate() {
                        cutter.take(entry);
                        let is_mine = number % threads == share && (point.prefix || point.subsets > 0);
                        if is_mine && violations.load(Relaxed) < self.violations_max {
                            cutter.cut(number, *point);
                            violations.fetch_max(cutter.cuts.violations.len(), Relaxed);
                            tell(done.fetch_add(1, Relaxed) + 1, total);
                        }
                    }
                    cuts.lock().unwrap_or_else(PoisonError::into_inner).add(cutter.cuts);
                });
            }
        });
        let mut cuts = cuts.into_inner().unwrap_or_else(PoisonError::into_inner);
        cuts.syncs = entries.iter().filter(|entry| matches!(entry, Entry::Synced { .. })).count() as u64;
        cuts.changes = entries.iter().filter(|entry| is_change(entry)).count() as u64;
        cuts
    }

    /// What is tried behind each entry: everything up to there where it is a change, and between two syncs some of what is pending.
    fn points(&self, entries: &[Entry<'_>]) -> Vec<Point> {
        let mut rng = Rng::with_seed(self.seed);
        let mut points = vec![Point::default(); entries.len()];
        let mut open: Vec<usize> = Vec::new();
        let mut changes = 0;
        for (number, entry) in entries.iter().enumerate() {
            if is_change(entry) {
                changes += 1;
                points[number].prefix = changes % self.one_point_in == 0;
                open.push(number);
            }
            if matches!(entry, Entry::Synced { .. }) {
                points[number].prefix = changes % self.one_point_in == 0;
                for _ in 0..if open.is_empty() { 0 } else { self.subsets } {
                    points[open[rng.usize(..open.len())]].subsets += 1;
                }
                open.clear();
            }
        }
        points
    }
}

fn is_change(entry: &Entry<'_>) -> bool {
    matches!(entry, Entry::Created { .. } | Entry::Written { .. } | Entry::Resized { .. } | Entry::Removed { .. })
}

/// One of several who go through the log.
struct Cutter<'a> {
    plan: &'a Plan,
    recording: &'a Recording,
    disk: Disk<'a>,
    book: Book,
    folder: PathBuf,
    _home: Folder,
    cuts: Cuts,
}

impl<'a> Cutter<'a> {
    fn new(plan: &'a Plan, recording: &'a Recording) -> Self {
        let home = Folder::in_memory();
        let disk = Disk::new(recording.log(), plan.lie);
        let folder = home.path().to_owned();
        Self { plan, recording, disk, book: Book::default(), folder, _home: home, cuts: Cuts::default() }
    }

    fn take(&mut self, entry: &Entry<'a>) {
        self.disk.take(entry);
        if let Entry::Mark(events) = entry {
            let from = usize::try_from(self.book.events()).expect("a count");
            let to = usize::try_from(*events).expect("a count");
            self.recording.events[from..to].iter().for_each(|event| self.book.note(event.clone()));
            self.cuts.violations.extend(self.book.take_violations());
            self.cuts.acknowledged = self.book.counts.acknowledged;
        }
    }

    /// Cuts the power behind an entry, as often as wanted.
    fn cut(&mut self, number: usize, point: Point) {
        let mut rng = Rng::with_seed(self.plan.seed ^ number as u64);
        if point.prefix {
            self.cuts.prefixes += 1;
            self.look(number, Rest::All, &mut rng);
        }
        for _ in 0..point.subsets {
            self.cuts.subsets += 1;
            let percent = PERCENTS[rng.usize(..PERCENTS.len())];
            let rest = match rng.u8(..3) {
                0 => Rest::Writes(percent),
                1 => Rest::Sectors(percent),
                _ => Rest::Torn(rng.usize(..=self.disk.pending())),
            };
            self.look(number, rest, &mut rng);
        }
    }

    /// Makes the disk, opens it and looks at everything.
    fn look(&mut self, number: usize, rest: Rest, rng: &mut Rng) {
        let _ = std::fs::remove_dir_all(&self.folder);
        std::fs::create_dir_all(&self.folder).expect("a folder");
        for (name, bytes) in self.disk.after_cut(rest, rng) {
            std::fs::write(self.folder.join(name), bytes).expect("room for a file");
        }
        let is_thorough = rng.u8(..THOROUGH_ONE_IN) == 0;
        let wrong = match whole::of_own_file(&self.folder.join(DATABASE), is_thorough) {
            Ok(found) => self.book.check(&found, now_millis()),
            Err(why) => vec![format!("it does not open: {why}")],
        };
        let wrong =
            wrong.into_iter().map(|why| format!("cut behind entry {number}, {rest:?} of the rest is there: {why}"));
        self.cuts.violations.extend(wrong);
    }
}
