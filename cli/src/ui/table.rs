//! Tables of text, as wide as the terminal at most.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::prose::fold;
use super::tone::{Colours, Tone};

/// Columns are not made narrower than this.
const WIDTH_MIN: usize = 8;
const GAP: &str = "  ";
/// A last column of words that would be narrower than this stands below the others,
const BESIDE_MIN: usize = 20;
/// so many columns to the right.
const BELOW_INDENT: usize = 4;

/// On which side of its column a text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Left: words, which go on in the next line where there is no room.
    Left,
    /// Left, and on one line: ids, times.
    Whole,
    /// Right: numbers.
    Right,
}

/// Cells, and the place and tone of one that stands out.
struct Row {
    cells: Vec<String>,
    state: Option<(usize, Tone)>,
}

/// Rows of cells under headings.
pub struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Row>,
}

impl Table {
    /// An empty table with these headings.
    pub fn new(columns: &[(&'static str, Align)]) -> Self {
        Table { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row with a cell for each column.
    pub fn row(&mut self, cells: impl Into<Vec<String>>) {
        self.add(Row { cells: cells.into(), state: None });
    }

    /// As [`Table::row`]; the last cell stands out.
    pub fn row_with_state(&mut self, cells: impl Into<Vec<String>>, tone: Tone) {
        let cells = cells.into();
        let last = cells.len().saturating_sub(1);
        self.add(Row { cells, state: Some((last, tone)) });
    }

    /// As [`Table::row`]; the cell at `place` stands out.
    pub fn row_with_state_at(&mut self, cells: impl Into<Vec<String>>, place: usize, tone: Tone) {
        self.add(Row { cells: cells.into(), state: Some((place, tone)) });
    }

    fn add(&mut self, row: Row) {
        debug_assert_eq!(row.cells.len(), self.columns.len());
        self.rows.push(row);
    }

    /// Writes headings and rows without colours; the widest columns of words are made narrower until a line fits into
    /// `width`, and a cell has as many lines as it needs.
    ///
    /// # Errors
    /// Errors of `out`.
    pub fn write(&self, out: &mut dyn Write, width: usize) -> io::Result<()> {
        self.write_in(out, width, Colours::NONE)
    }

    /// As [`Table::write`], with these colours.
    ///
    /// # Errors
    /// Errors of `out`.
    pub(super) fn write_in(&self, out: &mut dyn Write, width: usize, colours: Colours) -> io::Result<()> {
        let count = self.columns.len();
        let (widths, full) = (self.widths(width, count), self.widths(usize::MAX, count));
        // A last column of words that has no room stands below the others.
        let is_narrow = widths.last() < full.last() && widths.last() < Some(&BESIDE_MIN);
        let widths = if is_narrow { self.widths(width, count - 1) } else { widths };
        let below = is_narrow.then(|| width.saturating_sub(BELOW_INDENT).max(WIDTH_MIN));
        let headings: Vec<_> = self.columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
        let headings = Row { cells: headings, state: None };
        std::iter::once(&headings).chain(&self.rows).try_for_each(|row| {
            self.write_row(out, row, &widths, colours)?;
            below.map_or(Ok(()), |width| write_below(out, row, width, colours))
        })
    }

    /// The widths of the first `count` columns.
    fn widths(&self, limit: usize, count: usize) -> Vec<usize> {
        let widest = |column: usize| self.rows.iter().map(|row| row.cells[column].width()).max().unwrap_or(0);
        let columns = &self.columns[..count];
        let mut widths: Vec<_> =
            columns.iter().enumerate().map(|(at, (heading, _))| heading.width().max(widest(at))).collect();
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(limit);
        while excess > 0 {
            let words = widths.iter_mut().zip(columns).filter(|(_, (_, align))| *align == Align::Left);
            match words.map(|(width, _)| width).filter(|width| **width > WIDTH_MIN).max() {
                Some(widest) => *widest -= 1,
                None => break,
            }
            excess -= 1;
        }
        widths
    }

    fn write_row(&self, out: &mut dyn Write, row: &Row, widths: &[usize], colours: Colours) -> io::Result<()> {
        let cells = row.cells.iter().zip(widths).zip(&self.columns);
        let folded: Vec<Vec<String>> = cells
            .map(
                |((cell, width), (_, align))| {
                    if *align == Align::Left { fold(cell, *width) } else { vec![cell.clone()] }
                },
            )
            .collect();
        let height = folded.iter().map(Vec::len).max().unwrap_or(1);
        (0..height).try_for_each(|line| {
            let cells = folded.iter().map(|lines| lines.get(line).map_or("", String::as_str));
            self.write_line(out, cells.zip(widths).collect(), row.state, colours)
        })
    }

    fn write_line(
        &self,
        out: &mut dyn Write,
        cells: Vec<(&str, &usize)>,
        state: Option<(usize, Tone)>,
        colours: Colours,
    ) -> io::Result<()> {
        let mut line = String::new();
        for (at, ((cell, width), (_, align))) in cells.into_iter().zip(&self.columns).enumerate() {
            let fill = " ".repeat(width.saturating_sub(cell.width()));
            let cell = match state {
                Some((place, tone)) if place == at => colours.paint(cell, tone),
                _ => cell.to_owned(),
            };
            match align {
                Align::Left | Align::Whole => line.extend([&cell, &fill, GAP]),
                Align::Right => line.extend([&fill, cell.as_str(), GAP]),
            }
        }
        writeln!(out, "{}", line.trim_end())
    }
}

/// Writes the last cell of a row below the others.
fn write_below(out: &mut dyn Write, row: &Row, width: usize, colours: Colours) -> io::Result<()> {
    let last = row.cells.len().saturating_sub(1);
    let Some(cell) = row.cells.get(last).filter(|cell| !cell.is_empty()) else { return Ok(()) };
    fold(cell, width).iter().try_for_each(|line| match row.state {
        Some((place, tone)) if place == last => writeln!(out, "{:BELOW_INDENT$}{}", "", colours.paint(line, tone)),
        _ => writeln!(out, "{:BELOW_INDENT$}{line}", ""),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(width: usize) -> Vec<String> {
        let mut table = Table::new(&[("ID", Align::Left), ("SIZE", Align::Right), ("PATHS", Align::Left)]);
        table.row(["3f9a12bc".into(), "7 B".into(), "/srv/practice/images".into()]);
        table.row(["a0".into(), "1.5 MiB".into(), "日本".into()]);
        let mut out = Vec::new();
        table.write(&mut out, width).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let expected =
            ["ID           SIZE  PATHS", "3f9a12bc      7 B  /srv/practice/images", "a0        1.5 MiB  日本"];
        assert_eq!(lines(usize::MAX), expected);
    }

    #[test]
    fn in_a_narrow_terminal_words_go_on_in_the_next_line() {
        assert_eq!(lines(39)[1..3], ["3f9a12bc      7 B  /srv/practice/images", "a0        1.5 MiB  日本"][..]);
        assert_eq!(lines(32)[..3], ["ID           SIZE", "    PATHS", "3f9a12bc      7 B"]);
        assert_eq!(lines(22)[3..5], ["    /srv/practice/", "    images"]);
        assert!(lines(5).iter().any(|line| line.contains("1.5 MiB")), "numbers are never cut");
    }

    #[test]
    fn nothing_is_lost_and_no_line_is_too_long_at_any_width() {
        const COLUMNS: [(&str, Align); 6] = [
            ("ID", Align::Whole),
            ("TIME", Align::Whole),
            ("ROWS", Align::Right),
            ("BY", Align::Left),
            ("TABLES", Align::Left),
            ("REASON", Align::Left),
        ];
        let cells = [
            "3f9a12bc",
            "2026-11-20 14:00:00",
            "1,204,000",
            "practice-manager@front-desk",
            "opendental.securitylog, opendental.securityloghash, 日本語のとても長いテーブル名, röntgen_überweisungen",
            "the partners have agreed on 2026-03-01 that audit entries older than seven years may go",
        ];
        let mut table = Table::new(&COLUMNS);
        table.row(cells.map(str::to_owned));
        for width in [60, 80, 100, 200, usize::MAX] {
            let mut out = Vec::new();
            table.write(&mut out, width).unwrap();
            let text = String::from_utf8(out).unwrap();
            let widest = text.lines().map(UnicodeWidthStr::width).max().unwrap();
            // Three whole columns, three of words that are no narrower than 8, and gaps.
            assert!(widest <= width.max(8 + 19 + 9 + 3 * WIDTH_MIN + 5 * GAP.len()), "{width}:\n{text}");
            let letters = |text: &str| {
                let mut letters: Vec<_> = text.chars().filter(|c| !c.is_whitespace()).collect();
                letters.sort_unstable();
                letters
            };
            let headings = COLUMNS.map(|(heading, _)| heading).concat();
            assert_eq!(letters(&text), letters(&(headings + &cells.concat())), "{width}:\n{text}");
            if width >= 200 {
                assert!(text.lines().count() <= 4, "{text}");
            }
        }
    }
}
