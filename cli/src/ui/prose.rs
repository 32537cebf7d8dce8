//! Sentences on lines that a terminal shows whole.

use unicode_width::UnicodeWidthStr;

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
}
