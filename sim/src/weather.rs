//! Faults that need no occasion: they come and go. Owns when; what they mean is written where they strike.

use crate::plan::Fault;
use crate::world::{Event, HORIZON, World};

/// Furthest that a clock jumps.
const JUMP_MAX: i64 = 30_000;
/// Longest standstill: 30 days.
const STANDSTILL_MAX: u64 = 30 * 86_400_000;

impl World {
    pub(crate) fn weather(&mut self) {
        if self.is_calm {
            return;
        }
        if self.strikes(Fault::Partition) {
            let server = self.rng.u64(..self.plan.servers) as usize;
            self.servers[server].cut_off_until = self.now + self.rng.u64(..15_000);
        }
        if self.strikes(Fault::FullDisk) {
            self.store.set_full(true);
            let pause = self.rng.u64(..8_000);
            self.after(pause, Event::DiskHasRoom);
        }
        if self.strikes(Fault::ClockJump) {
            let ahead = self.rng.i64(-JUMP_MAX..=JUMP_MAX);
            let server = self.rng.u64(..self.plan.servers) as usize;
            if self.rng.bool() { self.store_ahead = ahead } else { self.servers[server].ahead = ahead }
        }
        // Workflows do not live to see their deadlines.
        if self.strikes(Fault::Standstill) && self.age() < HORIZON / 2 {
            self.now += self.rng.u64(..STANDSTILL_MAX);
        }
        let worker = self.rng.u64(..self.plan.workers) as usize;
        if self.strikes(Fault::PausedWorker) {
            self.posts[worker].paused_until = self.now + self.rng.u64(..60_000);
        }
        if self.strikes(Fault::CrashedWorker) {
            self.posts[worker].worker.crash();
            self.disconnect(worker);
        }
        if self.strikes(Fault::LostConnection) {
            self.disconnect(worker);
        }
        let pause = self.rng.u64(20..400);
        self.after(pause, Event::Weather);
    }

    /// Ends all faults.
    pub(crate) fn clear_up(&mut self) {
        self.is_calm = true;
        self.store.set_full(false);
        self.store_ahead = self.store_ahead.max(0);
        for server in &mut self.servers {
            server.cut_off_until = 0;
            server.ahead = 0;
        }
        for post in &mut self.posts {
            post.paused_until = 0;
        }
    }
}
