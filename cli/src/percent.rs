//! Percent-encoding, for queries of addresses and for names in headers (RFC 3986, RFC 8187).

/// `bytes` with `%XX` in place of all but letters, digits and `-._~`.
pub fn escaped(bytes: &[u8]) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: &u8| if is_plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    bytes.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_header_is_only_letters_and_escapes() {
        assert_eq!(escaped("Müller \"x\"\r\n.jpg".as_bytes()), "M%C3%BCller%20%22x%22%0D%0A.jpg");
    }
}
