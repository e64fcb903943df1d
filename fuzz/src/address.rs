//! Addresses: one that is read is written the same, leads somewhere, and is the same when it is read again.

use resonate_core::address::Address;

pub(crate) fn meet(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match Address::parse(text) {
        Ok(address) => {
            let again = Address::parse(address.as_str()).expect("it was read before");
            assert_eq!((again.as_str(), again.route()), (address.as_str(), address.route()));
            assert!(!address.route().mailbox().as_str().is_empty());
        }
        Err(why) => assert!(!why.to_string().is_empty()),
    }
}
