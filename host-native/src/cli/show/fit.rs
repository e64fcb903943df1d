//! Texts in the columns of a terminal. Knows widths and nothing of what the texts mean.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// A text and the spaces that make it so wide.
pub(super) fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// A text that takes no more columns than there are. It loses its middle: ids differ at their ends.
pub(in super::super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(1) else { return String::new() };
    let head: String = fitting(text.chars(), room.div_ceil(2));
    let tail: String = fitting(text.chars().rev(), room - room.div_ceil(2));
    format!("{head}…{}", tail.chars().rev().collect::<String>())
}

fn fitting(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut taken = 0;
    let fits = |c: &char| {
        taken += c.width().unwrap_or(0);
        taken <= columns
    };
    chars.take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_loses_its_middle() {
        assert_eq!(cut("order-42", 8), "order-42");
        assert_eq!(cut("order-42.1.7", 8), "orde…1.7");
        assert_eq!(cut("注文注文注文", 7), "注…文");
        assert_eq!((cut("abc", 1), cut("abc", 0)), ("…".to_owned(), String::new()));
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(padded("注文", 6), "注文  ");
    }
}
