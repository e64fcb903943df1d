//! Recordings: whatever stands in one, it is replayed up to where it differs or is corrupt; what a line says it says again when it is printed.

use resonate_core::recording::{Line, Replay};

pub(crate) fn meet(input: &[u8]) {
    let mut replay = Replay::new();
    for line in input.split_inclusive(|byte| *byte == b'\n').take(16) {
        if let Ok(read) = Line::parse(line) {
            let printed = read.print() + "\n";
            let again = Line::parse(printed.as_bytes()).expect("what is printed is read");
            assert_eq!(again.print() + "\n", printed);
        }
        if replay.line(line).is_err() {
            return;
        }
    }
}
