//! Sizes as people write them, and parts of a whole: `10G`, `5%`.

use engine::upkeep::verify::Part;

/// Units of a size, each 1,024 times the one before.
const UNITS: [char; 5] = ['K', 'M', 'G', 'T', 'P'];

/// Reads a size: a whole number, and `K`, `M`, `G`, `T` or `P` (also as `GiB`), which are powers of 1,024.
///
/// # Errors
/// A sentence about what it should look like.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let what = || "write a size with its unit: 500M, 10G, 2T".to_owned();
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().map_err(|_| what())?;
    let unit = unit.trim().to_ascii_uppercase();
    let unit = unit.strip_suffix("IB").or(unit.strip_suffix('B')).unwrap_or(&unit);
    let mut letters = unit.chars();
    let power = match (letters.next(), letters.next()) {
        (None, _) => 0,
        (Some(letter), None) => 1 + UNITS.iter().position(|unit| *unit == letter).ok_or_else(what)?,
        _ => return Err(what()),
    };
    (0..power).try_fold(number, |size, _| size.checked_mul(1024)).ok_or_else(what)
}

/// The slowest rate that makes sense, in bytes a second.
const RATE_MIN: u64 = 1024;

/// Reads a rate: a size for each second, `500K` or `500K/s`.
///
/// # Errors
/// A sentence about what it should look like.
pub fn parse_rate(text: &str) -> Result<u64, String> {
    let text = text.trim();
    match parse_size(text.strip_suffix("/s").unwrap_or(text)) {
        Ok(rate) if rate >= RATE_MIN => Ok(rate),
        Ok(_) => Err("that is slower than 1K a second".to_owned()),
        Err(_) => Err("write bytes a second with their unit: 500K, 2M".to_owned()),
    }
}

/// Reads a part: `5%`, or a size.
///
/// # Errors
/// A sentence about what it should look like.
pub fn parse_part(text: &str) -> Result<Part, String> {
    match text.trim().strip_suffix('%') {
        Some(percent) => match percent.trim().parse() {
            Ok(percent @ 1..=100) => Ok(Part::Percent(percent)),
            _ => Err("write a whole number of percent, from 1% to 100%".to_owned()),
        },
        None => match parse_size(text).map_err(|_| "write a part as 5%, or as a size with its unit: 10G".to_owned())? {
            0 => Err("that would read nothing".to_owned()),
            size => Ok(Part::Bytes(size)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_size_for_each_second() {
        assert_eq!((parse_rate("500K"), parse_rate("2 MiB/s")), (Ok(500 << 10), Ok(2 << 20)));
        for text in ["0", "100", "fast", "2M/h", ""] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn units_are_powers_of_1024() {
        for (text, size) in [
            ("7", 7),
            ("7B", 7),
            ("3k", 3072),
            ("2 MiB", 2 << 20),
            ("10G", 10 << 30),
            ("1T", 1 << 40),
            ("1PB", 1 << 50),
        ] {
            assert_eq!(parse_size(text).unwrap(), size, "{text}");
        }
        for text in ["", "G", "-1G", "1.5G", "10X", "10GG", "20000000P"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_part_is_percent_or_a_size() {
        assert_eq!(parse_part("5%").unwrap(), Part::Percent(5));
        assert_eq!(parse_part("100 %").unwrap(), Part::Percent(100));
        assert_eq!(parse_part("10G").unwrap(), Part::Bytes(10 << 30));
        for text in ["0%", "101%", "2.5%", "%", "0", "5 percent"] {
            assert!(parse_part(text).is_err(), "{text}");
        }
    }
}
