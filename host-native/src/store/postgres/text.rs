//! Texts in a database that holds no NUL characters. A text that has one, and the rare one that looks as if it had been changed for that reason,
//! is stored as JSON behind a mark; all others are stored as they are. Equal texts stay equal, different ones different.

use std::borrow::Cow;

/// No text of people begins like this.
const MARK: char = '\u{1}';

/// A text as it is stored.
pub(super) fn stored(text: &str) -> Cow<'_, str> {
    if text.contains('\0') || text.starts_with(MARK) {
        Cow::Owned(format!("{MARK}{}", serde_json::Value::from(text)))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text that was stored.
pub(super) fn read(stored: &str) -> Result<String, serde_json::Error> {
    match stored.strip_prefix(MARK) {
        None => Ok(stored.to_owned()),
        Some(json) => serde_json::from_str(json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_and_none_is_stored_with_nul() {
        for text in ["", "plain", "\0", "a\0b", "\u{1}", "\u{1}\"x\"", "é\u{1F600}\0"] {
            let stored = stored(text);
            assert!(!stored.contains('\0'), "{text:?}");
            assert_eq!(read(&stored).expect("what was stored"), text);
        }
    }
}
