//! Who is sent to next: a lane of waiting messages for every target, slots for what is under way, and turns. It knows no sockets and no clock.
//!
//! A target is an address: behind one host may be many that fail apart. These rules keep it from slowing others down:
//! - A target holds at most a share of the slots, and one while its last delivery failed.
//! - Targets with nothing under way take turns before those that have something, what is known to work first, what fails last.
//! - The last slots are a reserve for targets with nothing under way. When every slot is taken and such a target waits, the request that fares
//!   worst among the youngest, which are in the reserve, is cut short once its [`LEASH`] is over. Older requests have their full time.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use resonate_core::address::Address;
use resonate_core::message::{Delivery, MessageKey};
use tokio::time::Instant;

use super::limits::{
    FAILING_TARGET_QUEUE_MAX, FAILURES_IN_A_ROW, LEASH, QUEUE_BYTES_MAX, QUEUE_MESSAGES_MAX, RESERVE, REVERSED_TURN,
    SHARE, TARGET_QUEUE_MAX, TARGETS_REMEMBERED_MAX,
};

/// What reports name: a message and its version.
pub(super) type Versioned = (MessageKey, u64);

/// What is known of a target by its last delivery, from the one that goes first to the one that goes last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Works,
    #[default]
    Unknown,
    Fails,
}

/// What became of a message that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    /// It waits for its turn.
    Queued,
    /// It waits already, or is under way.
    Known,
    /// Its target fails, and enough waits for it.
    PutOff,
    /// There is no room: it comes again when its claim ends.
    NoRoom,
}

/// Numbers requests in the order in which they began.
pub(super) type Number = u64;

/// A request to make.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) number: Number,
    pub(super) delivery: Delivery,
    pub(super) standing: Standing,
}

/// A request that is over.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) message: Versioned,
    pub(super) address: Address,
    /// Messages that waited for the same target and are put off.
    pub(super) put_off: Vec<Versioned>,
}

#[derive(Debug)]
struct Attempt {
    message: Versioned,
    address: Address,
    started_at: Instant,
}

#[derive(Debug, Default)]
struct Lane {
    queue: VecDeque<Delivery>,
    under_way: usize,
    standing: Standing,
    failures_in_a_row: u32,
    /// Whether the lane stands among those with nothing under way.
    lined_up_idle: bool,
    /// Whether it stands among the others, maybe in vain.
    lined_up_busy: bool,
}

/// The lanes of all targets.
#[derive(Debug)]
pub(super) struct Lanes {
    slots: usize,
    lanes: HashMap<Address, Lane>,
    /// Lanes with nothing under way, by standing.
    idle: [VecDeque<Address>; 3],
    /// Lanes with something under way and room for more.
    busy: VecDeque<Address>,
    known: HashSet<Versioned>,
    queued: usize,
    queued_bytes: usize,
    attempts: BTreeMap<Number, Attempt>,
    next_number: Number,
    turns: u32,
}

impl Lanes {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            slots: slots.max(1),
            lanes: HashMap::new(),
            idle: Default::default(),
            busy: VecDeque::new(),
            known: HashSet::new(),
            queued: 0,
            queued_bytes: 0,
            attempts: BTreeMap::new(),
            next_number: 0,
            turns: 0,
        }
    }

    fn reserve(&self) -> usize {
        (self.slots / RESERVE).max(1)
    }

    /// Whether a lane has something for its target, which may have more under way.
    fn may_start(&self, lane: &Lane) -> bool {
        let allowance = match lane.standing {
            Standing::Works | Standing::Unknown => (self.slots / SHARE).max(1),
            Standing::Fails => 1,
        };
        !lane.queue.is_empty() && lane.under_way < allowance
    }

    /// Takes a message, if there is room for it.
    pub(super) fn offer(&mut self, delivery: Delivery) -> Offered {
        let message = (delivery.key.clone(), delivery.version);
        if self.known.contains(&message) {
            return Offered::Known;
        }
        let bytes = delivery.message.weight();
        let lane = self.lanes.get(&delivery.address);
        let waiting = lane.map_or(0, |lane| lane.queue.len());
        let failing = lane.is_some_and(|lane| lane.failures_in_a_row >= FAILURES_IN_A_ROW);
        if failing && waiting >= FAILING_TARGET_QUEUE_MAX {
            return Offered::PutOff;
        }
        let rooms = if waiting == 0 { 2 } else { 1 };
        let full = waiting >= TARGET_QUEUE_MAX
            || self.queued >= rooms * QUEUE_MESSAGES_MAX
            || self.queued_bytes.saturating_add(bytes) > rooms * QUEUE_BYTES_MAX;
        if full {
            return Offered::NoRoom;
        }
        self.known.insert(message);
        self.queued += 1;
        self.queued_bytes += bytes;
        let address = delivery.address.clone();
        self.lanes.entry(address.clone()).or_default().queue.push_back(delivery);
        self.line_up(&address);
        Offered::Queued
    }

    /// The next request to make, if a slot is free for it.
    pub(super) fn start(&mut self, now: Instant) -> Option<Start> {
        if self.attempts.len() >= self.slots {
            return None;
        }
        let address = match self.next_idle() {
            Some(address) => address,
            None if self.attempts.len() < self.slots - self.reserve() => self.next_busy()?,
            None => return None,
        };
        let lane = self.lanes.get_mut(&address)?;
        let delivery = lane.queue.pop_front()?;
        lane.under_way += 1;
        let standing = lane.standing;
        self.queued -= 1;
        self.queued_bytes -= delivery.message.weight();
        let number = self.next_number;
        self.next_number += 1;
        let message = (delivery.key.clone(), delivery.version);
        self.attempts.insert(number, Attempt { message, address: address.clone(), started_at: now });
        self.line_up(&address);
        Some(Start { number, delivery, standing })
    }

    /// Ends a request. `None` when it was cut short before.
    pub(super) fn end(&mut self, number: Number, delivered: bool) -> Option<Ended> {
        let Attempt { message, address, started_at: _ } = self.attempts.remove(&number)?;
        self.known.remove(&message);
        let mut put_off = Vec::new();
        if let Some(lane) = self.lanes.get_mut(&address) {
            lane.under_way -= 1;
            lane.standing = if delivered { Standing::Works } else { Standing::Fails };
            lane.failures_in_a_row = if delivered { 0 } else { lane.failures_in_a_row.saturating_add(1) };
            if lane.failures_in_a_row >= FAILURES_IN_A_ROW && lane.queue.len() > FAILING_TARGET_QUEUE_MAX {
                let surplus = lane.queue.split_off(FAILING_TARGET_QUEUE_MAX);
                self.queued -= surplus.len();
                self.queued_bytes -= surplus.iter().map(|delivery| delivery.message.weight()).sum::<usize>();
                put_off.extend(surplus.into_iter().map(|delivery| (delivery.key, delivery.version)));
            }
        }
        for message in &put_off {
            self.known.remove(message);
        }
        self.line_up(&address);
        self.forget_some();
        Some(Ended { message, address, put_off })
    }

    /// The request to cut short for a target that waits, and from when on.
    pub(super) fn overstayer(&mut self, now: Instant) -> Option<(Number, Instant)> {
        if self.attempts.len() < self.slots {
            return None;
        }
        let waiting = self.idle.iter().position(|lanes| !lanes.is_empty())?;
        let secure = self.slots - self.reserve();
        let mut yielding: Vec<(Standing, Instant, Number)> = Vec::new();
        for (number, attempt) in self.attempts.iter().skip(secure) {
            let standing = self.lanes.get(&attempt.address).map_or(Standing::Unknown, |lane| lane.standing);
            if standing as usize >= waiting {
                yielding.push((standing, attempt.started_at + LEASH, *number));
            }
        }
        let over = yielding.iter().filter(|(_, until, _)| *until <= now);
        let worst = over.max_by_key(|(standing, until, number)| (*standing, std::cmp::Reverse((*until, *number))));
        let first = worst.or_else(|| yielding.iter().min_by_key(|(_, until, number)| (*until, *number)));
        first.map(|(_, until, number)| (*number, *until))
    }

    /// The lane in turn among those with nothing under way.
    fn next_idle(&mut self) -> Option<Address> {
        self.turns = self.turns.wrapping_add(1);
        let mut order = [0, 1, 2];
        if self.turns.is_multiple_of(REVERSED_TURN) {
            order.reverse();
        }
        let address = order.into_iter().find_map(|standing| self.idle[standing].pop_front())?;
        self.lanes.get_mut(&address)?.lined_up_idle = false;
        Some(address)
    }

    /// The lane in turn among those with something under way and room for more.
    fn next_busy(&mut self) -> Option<Address> {
        while let Some(address) = self.busy.pop_front() {
            if let Some(lane) = self.lanes.get_mut(&address) {
                lane.lined_up_busy = false;
            }
            if self.lanes.get(&address).is_some_and(|lane| lane.under_way > 0 && self.may_start(lane)) {
                return Some(address);
            }
        }
        None
    }

    /// Puts a lane where it may be taken from.
    fn line_up(&mut self, address: &Address) {
        let Some(lane) = self.lanes.get(address) else { return };
        if !self.may_start(lane) {
            return;
        }
        let Some(lane) = self.lanes.get_mut(address) else { return };
        if lane.under_way == 0 && !lane.lined_up_idle {
            lane.lined_up_idle = true;
            self.idle[lane.standing as usize].push_back(address.clone());
        } else if lane.under_way > 0 && !lane.lined_up_busy {
            lane.lined_up_busy = true;
            self.busy.push_back(address.clone());
        }
    }

    /// As if a delivery to this target had succeeded.
    #[cfg(test)]
    pub(super) fn mark_working(&mut self, address: &Address) {
        self.lanes.entry(address.clone()).or_default().standing = Standing::Works;
    }

    /// Forgets the targets with nothing to do when too many are remembered. What is forgotten costs them their place among others only.
    fn forget_some(&mut self) {
        let active = self.queued + self.attempts.len();
        if self.lanes.len() > active + TARGETS_REMEMBERED_MAX {
            self.lanes.retain(|_, lane| lane.under_way > 0 || !lane.queue.is_empty());
        }
    }
}
