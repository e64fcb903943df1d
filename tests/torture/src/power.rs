//! stub
/// mark
pub fn mark(n: u64) -> Vec<u8> {
    n.to_le_bytes().to_vec()
}
