//! Sentences on lines that a terminal shows whole.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Lines are not made longer than this, however wide the terminal is: the eye loses its place.
pub const WIDTH_MAX: usize = 100;
/// A column of words is not made narrower than this.
const WIDTH_MIN: usize = 20;

/// `text` on lines of at most `width` columns, but for words that are longer. All lines but the first begin with `indent`
/// blanks; the caller has put as many columns before the first. Line breaks in `text` stay.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let room = width.saturating_sub(indent).max(WIDTH_MIN);
    let lines: Vec<_> = text.split('\n').map(|line| wrap_line(line, room, indent)).collect();
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

/// As [`wrap`], and a word that is longer than a line stands on lines of its own, cut as [`fold`] cuts it.
pub fn fit(text: &str, width: usize, indent: usize) -> String {
    let room = width.saturating_sub(indent).max(WIDTH_MIN);
    let wrapped = wrap(text, room, 0);
    let lines: Vec<_> = wrapped.split('\n').flat_map(|line| fold(line, room)).collect();
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

fn wrap_line(line: &str, room: usize, indent: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for (at, word) in line.split(' ').enumerate() {
        let width = word.width();
        if used > 0 && used + 1 + width > room {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            used = 0;
        } else if at > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += width;
    }
    out
}

/// `text` on lines of at most `width` columns, however long its words are: paths are cut behind a slash, other words where
/// it must be.
pub(super) fn fold(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in pieces(text) {
        let bare = word.trim_end_matches(' ').width();
        if used > 0 && used + bare > width {
            lines.push(String::new());
            used = 0;
        }
        for c in word.chars() {
            let columns = c.width().unwrap_or(0);
            // A blank at the end of a line needs no column.
            if used + columns > width && used > 0 && c != ' ' {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
            used += columns;
        }
    }
    lines.iter_mut().for_each(|line| line.truncate(line.trim_end().len()));
    lines
}

/// The pieces of `text` that a line may end behind: words, parts of paths, parts of lists. A comma in a number ends none.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let ends = |(at, c): (usize, char)| match c {
            ' ' | '/' => Some(at + 1),
            ',' => Some(at + 1).filter(|at| !rest[*at..].starts_with(|next: char| next.is_ascii_digit())),
            _ => None,
        };
        let end = rest.char_indices().find_map(ends).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        Some(piece).filter(|piece| !piece.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_cut_between_words() {
        assert_eq!(wrap("one two three four five six", 20, 0), "one two three four\nfive six");
        assert_eq!(wrap("one two three four five six", 24, 4), "one two three four\n    five six");
        assert_eq!(wrap("a/path/that/is/longer/than/a/line and more", 20, 2).lines().count(), 2);
        assert_eq!(wrap("one\ntwo", 80, 2), "one\n  two");
        assert_eq!(wrap("  indented by hand", 80, 0), "  indented by hand");
        assert_eq!(wrap("日本日本日本日本日本 日本", 20, 0), "日本日本日本日本日本\n日本");
    }

    #[test]
    fn a_word_that_no_line_holds_is_cut_and_others_are_not() {
        let text = "it is in /srv/practice/images/A/Anna1 and not there";
        assert_eq!(fit(text, 22, 0), "it is in\n/srv/practice/images/\nA/Anna1\nand not there");
        assert_eq!(fit("one two three four five six", 24, 4), wrap("one two three four five six", 24, 4));
    }

    #[test]
    fn a_long_word_is_cut_where_it_must_be() {
        assert_eq!(fold("/srv/practice/images", 10), ["/srv/", "practice/", "images"]);
        assert_eq!(fold("hourly,daily,office", 8), ["hourly,", "daily,", "office"]);
        assert_eq!(fold("visit: 2,001 deleted", 10), ["visit:", "2,001", "deleted"]);
        assert_eq!(fold("a sentence of words", 10), ["a sentence", "of words"]);
        assert_eq!(fold("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(fold("日本日本", 5), ["日本", "日本"]);
        assert_eq!(fold("", 5), [""]);
    }
}
