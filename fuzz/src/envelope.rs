//! Envelopes of today's protocol, one a line.

use crate::machine::Machine;

pub(crate) fn meet(input: &[u8]) {
    let mut machine = Machine::new();
    for body in input.split(|byte| *byte == b'\n').take(8) {
        machine.envelope(body);
    }
}
