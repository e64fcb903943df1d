//! The core over its reference store.

use resonate_core::memory::MemoryStore;

use super::local::Local;
use crate::driver::Dials;

pub(super) fn open(dials: Dials) -> Local<MemoryStore> {
    Local::new(MemoryStore::new(), dials)
}
