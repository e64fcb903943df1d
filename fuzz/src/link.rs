//! Links to simulated worlds: one that fits is written so that it means the same when it is read again, and one that does not says why.

use resonate_sim::Options;

pub(crate) fn meet(input: &[u8]) {
    let Ok(pairs) = serde_json::from_slice::<Vec<(String, String)>>(input) else { return };
    match Options::of_fragment(&pairs) {
        Ok(options) => {
            let fragment = options.fragment().expect("no more than what was read");
            let parts = fragment.strip_prefix('#').expect("a fragment").split('&');
            let pairs: Vec<_> = parts.map(|part| part.split_once('=').unwrap_or((part, ""))).map(owned).collect();
            let again = Options::of_fragment(&pairs).expect("what was written");
            assert_eq!(again.arguments(), options.arguments());
        }
        Err(why) => assert!(!why.is_empty()),
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
