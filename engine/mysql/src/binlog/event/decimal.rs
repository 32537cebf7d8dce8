//! Decimals as servers keep them: groups of nine digits in four bytes, the first bit turned over, all bits if it is negative.

use std::fmt::Write;

use super::{Cursor, Malformed};

/// Digits of a whole group, and its bytes.
const GROUP: usize = 9;
/// Bytes of a group of fewer digits.
const BYTES: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];
/// The most digits that a decimal has.
const DIGITS_MAX: u8 = 81;

/// Bytes of so many digits.
pub(super) fn length(digits: u8) -> usize {
    let digits = usize::from(digits);
    digits / GROUP * BYTES[GROUP] + BYTES[digits % GROUP]
}

/// Takes a decimal of so many digits, some of them behind the point, and gives it as it is written.
///
/// # Errors
/// [`Malformed`] if it is cut short, or has impossible digits.
pub(super) fn text(cursor: &mut Cursor<'_>, digits: u8, behind: u8) -> Result<String, Malformed> {
    let impossible = Malformed("a decimal has an impossible length");
    let before = digits.checked_sub(behind).filter(|_| digits <= DIGITS_MAX).ok_or(impossible)?;
    let mut bytes = cursor.take(length(before) + length(behind))?.to_vec();
    let first = bytes.first_mut().ok_or(impossible)?;
    let is_negative = *first & 0x80 == 0;
    *first ^= 0x80;
    if is_negative {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
    }
    let (before, behind) = (usize::from(before), usize::from(behind));
    let mut bytes = Cursor::new(&bytes);
    let whole = groups(&mut bytes, [before % GROUP, before / GROUP], Rest::First)?;
    let fraction = groups(&mut bytes, [behind % GROUP, behind / GROUP], Rest::Last)?;
    let whole = whole.trim_start_matches('0');
    let sign = if is_negative { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    Ok(format!("{sign}{whole}{point}{fraction}"))
}

/// The place of the group that is not whole.
enum Rest {
    First,
    Last,
}

fn groups(bytes: &mut Cursor<'_>, [rest, whole]: [usize; 2], place: Rest) -> Result<String, Malformed> {
    let mut text = String::new();
    if matches!(place, Rest::First) {
        group(bytes, rest, &mut text)?;
    }
    for _ in 0..whole {
        group(bytes, GROUP, &mut text)?;
    }
    if matches!(place, Rest::Last) {
        group(bytes, rest, &mut text)?;
    }
    Ok(text)
}

fn group(bytes: &mut Cursor<'_>, digits: usize, text: &mut String) -> Result<(), Malformed> {
    let number = bytes.take(BYTES[digits])?.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    if digits > 0 {
        // Writing to a text does not fail.
        let _ = write!(text, "{number:0digits$}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_written_as_they_are() {
        let of = |bytes: &[u8], digits, behind| text(&mut Cursor::new(bytes), digits, behind).unwrap();
        // The example of the servers' source: 1234567890.1234 as DECIMAL(14, 4).
        let example = [0x81, 0x0d, 0xfb, 0x38, 0xd2, 0x04, 0xd2];
        assert_eq!(of(&example, 14, 4), "1234567890.1234");
        assert_eq!(of(&example.map(|byte| !byte), 14, 4), "-1234567890.1234");
        assert_eq!(of(&[0x80], 2, 2), "0.00");
        assert_eq!(of(&[0x80, 0x07], 3, 0), "7");
    }

    #[test]
    fn impossible_ones_are_refused() {
        for (digits, behind) in [(2, 3), (200, 0), (0, 0), (9, 0)] {
            assert!(text(&mut Cursor::new(&[1, 2]), digits, behind).is_err(), "{digits} {behind}");
        }
    }
}
