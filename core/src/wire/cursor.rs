//! Cursors: the place where a search goes on, as opaque text. A checksum tells an altered one from a real one; it is no secret, since a cursor
//! gives no rights.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::BadInput;

const CHECKSUM_BYTES: usize = 8;

/// What a cursor is for. One of another kind is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CursorKind {
    /// A search of the 2023 API: the whole query.
    Rest,
    /// `promise.search`: the last id.
    Promises,
    /// `task.search`: the last id.
    Tasks,
    /// `schedule.search`: the last id.
    Schedules,
    /// `promise.purge`: the last settlement and id.
    Settled,
}

/// Writes a place as a cursor.
///
/// # Panics
/// When the place cannot be written as JSON, which no place of ours does.
pub fn seal<T: Serialize>(kind: CursorKind, place: &T) -> String {
    let mut bytes = vec![0; CHECKSUM_BYTES];
    serde_json::to_writer(&mut bytes, place).expect("a place is plain JSON");
    let sum = checksum(kind, &bytes[CHECKSUM_BYTES..]);
    bytes[..CHECKSUM_BYTES].copy_from_slice(&sum);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a cursor back.
///
/// # Errors
/// [`BadInput`] when the text is not a cursor of this kind that this server made.
pub fn open<T: DeserializeOwned>(kind: CursorKind, text: &str) -> Result<T, BadInput> {
    let altered =
        || BadInput::field("cursor", "is not one that this server gave out for such a search: start the search again");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| altered())?;
    let (sum, place) = bytes.split_at_checked(CHECKSUM_BYTES).ok_or_else(altered)?;
    if sum != checksum(kind, place) {
        return Err(altered());
    }
    serde_json::from_slice(place).map_err(|_| altered())
}

/// FNV-1a, 64 bits.
fn checksum(kind: CursorKind, place: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let start = (0xcbf2_9ce4_8422_2325_u64 ^ kind as u64).wrapping_mul(0x0100_0000_01b3);
    let sum = place.iter().fold(start, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    sum.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_altered_cursor_is_refused() {
        let cursor = seal(CursorKind::Promises, &"foo");
        assert_eq!(open::<String>(CursorKind::Promises, &cursor), Ok("foo".into()));
        assert!(open::<String>(CursorKind::Tasks, &cursor).is_err());
        for at in 0..cursor.len() {
            let mut altered = cursor.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).expect("ASCII");
            assert!(open::<String>(CursorKind::Promises, &altered).is_err(), "{altered}");
        }
        assert!(open::<String>(CursorKind::Promises, "").is_err());
    }
}
