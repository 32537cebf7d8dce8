//! Bytes as hex digits.

/// `bytes` in lower-case digits, as ids are written.
pub fn lower(bytes: &[u8]) -> String {
    digits(bytes, b"0123456789abcdef")
}

/// `bytes` in upper-case digits, as SQL writes them.
pub fn upper(bytes: &[u8]) -> String {
    digits(bytes, b"0123456789ABCDEF")
}

/// The bytes that `text` writes, if it is lower-case digits of as many bytes as `out` has.
pub(crate) fn read(text: &str, out: &mut [u8]) -> bool {
    let digits = text.as_bytes();
    if digits.len() != out.len() * 2 {
        return false;
    }
    let digit = |d: u8| match d {
        b'0'..=b'9' => Some(d - b'0'),
        b'a'..=b'f' => Some(d - b'a' + 10),
        _ => None,
    };
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        match (digit(pair[0]), digit(pair[1])) {
            (Some(high), Some(low)) => *byte = high << 4 | low,
            _ => return false,
        }
    }
    true
}

fn digits(bytes: &[u8], digits: &[u8; 16]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(digits[usize::from(byte >> 4)]));
        text.push(char::from(digits[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_back_as_they_were_written() {
        let all: Vec<u8> = (0..=255).collect();
        let mut back = vec![0; 256];
        assert!(read(&lower(&all), &mut back) && back == all);
        assert_eq!(upper(&all), lower(&all).to_uppercase());
        assert!(!read("0", &mut [0]) && !read("0g", &mut [0]) && !read("0A", &mut [0]));
    }
}
