//! Owns the promise ids of a run: the n-th id is a pure function of n, so that an id which was stored
//! can be named again without keeping any. Both orders have the shape and length of a UUID; only the
//! order in which they sort differs.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use clap::ValueEnum;

/// How ids sort relative to the order in which they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IdOrder {
    /// Like a UUID of version 7: a counter in the high 48 bits.
    Time,
    /// Like a UUID of version 4: every bit scattered.
    Random,
}

impl IdOrder {
    pub(crate) fn name(self) -> &'static str {
        match self {
            IdOrder::Time => "time order",
            IdOrder::Random => "random ids",
        }
    }
}

/// The ids given out so far to one server.
#[derive(Debug)]
pub(crate) struct Ids {
    order: IdOrder,
    next: AtomicU64,
}

impl Ids {
    pub(crate) fn new(order: IdOrder) -> Self {
        Ids { order, next: AtomicU64::new(0) }
    }

    /// The number of an id that was not used yet.
    pub(crate) fn take(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The first number of a block of so many ids that were not used yet.
    pub(crate) fn take_block(&self, count: u64) -> u64 {
        self.next.fetch_add(count, Ordering::Relaxed)
    }

    /// How many ids were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Forgets numbers at and above `count` that were taken and not stored.
    pub(crate) fn cap(&self, count: u64) {
        self.next.fetch_min(count, Ordering::Relaxed);
    }

    /// Writes the id with this number.
    pub(crate) fn write(&self, number: u64, out: &mut impl Write) -> fmt::Result {
        let low = scatter(number);
        let (first, second) = match self.order {
            IdOrder::Time => (number >> 16, number & 0xffff),
            IdOrder::Random => {
                let high = scatter(!number);
                (high >> 32, high & 0xffff)
            }
        };
        let version = match self.order {
            IdOrder::Time => 7,
            IdOrder::Random => 4,
        };
        let third = (low >> 48) & 0xfff;
        let fourth = 0x8000 | (number.rotate_left(7) & 0x0fff);
        let fifth = low & 0xffff_ffff_ffff;
        write!(out, "{first:08x}-{second:04x}-{version}{third:03x}-{fourth:04x}-{fifth:012x}")
    }

    /// The id with this number.
    pub(crate) fn text(&self, number: u64) -> String {
        let mut id = String::with_capacity(36);
        self.write(number, &mut id).expect("a string takes any text");
        id
    }

    /// The number that an id was made of; none where the order keeps no trace of it.
    pub(crate) fn number_of(&self, id: &str) -> Option<u64> {
        match self.order {
            IdOrder::Time => {
                let (first, rest) = id.split_once('-')?;
                let first = u64::from_str_radix(first, 16).ok()?;
                Some(first << 16 | u64::from_str_radix(rest.get(..4)?, 16).ok()?)
            }
            IdOrder::Random => None,
        }
    }
}

/// A bijection of 64 bits that leaves no visible order (the finalizer of splitmix64).
fn scatter(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_ids(order: IdOrder, count: u64) -> Vec<String> {
        let ids = Ids::new(order);
        (0..count).map(|number| ids.text(number)).collect()
    }

    #[test]
    fn ids_in_time_order_sort_as_they_were_taken() {
        let ids = first_ids(IdOrder::Time, 70_000);
        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| id.len() == 36));
    }

    #[test]
    fn an_id_in_time_order_tells_its_number() {
        let ids = Ids::new(IdOrder::Time);
        for number in [0, 1, 65_535, 65_536, 12_345_678_901] {
            assert_eq!(ids.number_of(&ids.text(number)), Some(number));
        }
        assert_eq!(ids.number_of("another"), None);
    }

    #[test]
    fn random_ids_differ_and_do_not_sort() {
        let mut ids = first_ids(IdOrder::Random, 70_000);
        assert!(ids.iter().all(|id| id.len() == 36));
        assert!(!ids.is_sorted());
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 70_000);
    }

    #[test]
    fn capping_gives_back_what_was_not_stored() {
        let ids = Ids::new(IdOrder::Time);
        assert_eq!([ids.take(), ids.take(), ids.take(), ids.take()], [0, 1, 2, 3]);
        ids.cap(3);
        assert_eq!(ids.taken(), 3);
        ids.cap(9);
        assert_eq!(ids.taken(), 3);
    }
}
