//! Tables of text, as wide as the terminal at most.

use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::tone::{Colours, Tone};

/// Columns are not made narrower than this.
const WIDTH_MIN: usize = 8;
const GAP: &str = "  ";

/// On which side of its column a text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Left: words, which are cut where there is no room.
    Left,
    /// Left, and never cut: ids, times.
    Whole,
    /// Right: numbers.
    Right,
}

/// Cells, and the tone of the last one.
struct Row {
    cells: Vec<String>,
    tone: Option<Tone>,
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
        self.add(Row { cells: cells.into(), tone: None });
    }

    /// As [`Table::row`]; the last cell stands out.
    pub fn row_with_state(&mut self, cells: impl Into<Vec<String>>, tone: Tone) {
        self.add(Row { cells: cells.into(), tone: Some(tone) });
    }

    fn add(&mut self, row: Row) {
        debug_assert_eq!(row.cells.len(), self.columns.len());
        self.rows.push(row);
    }

    /// Writes headings and rows without colours; the widest columns of words are cut until a line fits into `width`.
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
        let widths = self.widths(width);
        let headings: Vec<_> = self.columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
        self.write_row(out, &Row { cells: headings, tone: None }, &widths, colours)?;
        self.rows.iter().try_for_each(|row| self.write_row(out, row, &widths, colours))
    }

    fn widths(&self, limit: usize) -> Vec<usize> {
        let widest = |column: usize| self.rows.iter().map(|row| row.cells[column].width()).max().unwrap_or(0);
        let mut widths: Vec<_> =
            self.columns.iter().enumerate().map(|(at, (heading, _))| heading.width().max(widest(at))).collect();
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(limit);
        while excess > 0 {
            let words = widths.iter_mut().zip(&self.columns).filter(|(_, (_, align))| *align == Align::Left);
            match words.map(|(width, _)| width).filter(|width| **width > WIDTH_MIN).max() {
                Some(widest) => *widest -= 1,
                None => break,
            }
            excess -= 1;
        }
        widths
    }

    fn write_row(&self, out: &mut dyn Write, row: &Row, widths: &[usize], colours: Colours) -> io::Result<()> {
        let mut line = String::new();
        for (at, ((cell, width), (_, align))) in row.cells.iter().zip(widths).zip(&self.columns).enumerate() {
            let cell = fit(cell, *width);
            let fill = " ".repeat(width.saturating_sub(cell.width()));
            let cell = match row.tone.filter(|_| at + 1 == widths.len()) {
                Some(tone) => colours.paint(&cell, tone),
                None => cell,
            };
            match align {
                Align::Left | Align::Whole => line.extend([&cell, &fill, GAP]),
                Align::Right => line.extend([&fill, cell.as_str(), GAP]),
            }
        }
        writeln!(out, "{}", line.trim_end())
    }
}

fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= width
    };
    text.chars().take_while(fits).chain(['…']).collect()
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
    fn a_narrow_terminal_cuts_the_widest_words() {
        assert_eq!(lines(32)[1], "3f9a12bc      7 B  /srv/practic…");
        assert!(lines(5).iter().all(|line| line.contains("SIZE") || line.contains('B')), "numbers are never cut");
    }
}
