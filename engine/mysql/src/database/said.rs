//! The messages of a server's errors and warnings, without the values that they repeat: patients' names, passwords,
//! whole statements.
//!
//! Values stand between quotes, and quotes inside them are not escaped, so the end of a value cannot be found. A
//! message that names only tables, columns, accounts and settings is shown completely. From any other message this
//! shows the text before the first quote, and the key, column or line that the server names at the end.

/// Replaces values.
const HIDDEN: &str = "'…'";

/// Messages that a trigger or routine wrote itself; and a value without quotes that no partition accepts.
const OWN_WORDS: [u16; 3] = [1644, 1645, 1526];

/// Duplicates: the message ends with the key's name.
const OF_KEYS: [u16; 3] = [1062, 1586, 1859];

/// Errors whose messages name objects, accounts and settings only, never values of rows or statements.
const NAMES_ONLY: [u16; 113] = [
    2, 3, 5, 20, 29, 1005, 1006, 1007, 1008, 1010, 1016, 1017, 1021, 1025, 1026, 1028, 1030, 1031, 1034, 1035, 1036,
    1040, 1042, 1043, 1044, 1045, 1046, 1048, 1049, 1050, 1051, 1053, 1054, 1060, 1061, 1071, 1072, 1075, 1091, 1099,
    1100, 1101, 1102, 1103, 1109, 1113, 1114, 1115, 1118, 1129, 1130, 1133, 1141, 1142, 1143, 1146, 1148, 1153, 1170,
    1192, 1193, 1194, 1195, 1203, 1205, 1206, 1213, 1215, 1217, 1223, 1226, 1227, 1235, 1238, 1264, 1265, 1266, 1273,
    1286, 1290, 1298, 1304, 1305, 1317, 1359, 1360, 1364, 1370, 1396, 1406, 1412, 1418, 1419, 1449, 1478, 1524, 1577,
    1594, 1615, 1698, 1820, 1836, 1927, 1932, 1969, 3024, 3159, 3162, 3163, 3819, 3948, 4025, 4166,
];

/// The server's `message` of the error or warning `code`, without values.
pub(crate) fn without_values(code: u16, message: &str) -> String {
    if OWN_WORDS.contains(&code) {
        return "the server says why in words that may hold values, which are not shown".to_owned();
    }
    if NAMES_ONLY.contains(&code) {
        return message.to_owned();
    }
    let Some(first) = message.find(['\'', '"']) else { return message.to_owned() };
    let place = if OF_KEYS.contains(&code) { key_of(message) } else { column_of(message).or_else(|| line_of(message)) };
    format!("{}{HIDDEN}{}", &message[..first], place.unwrap_or_default())
}

/// ` for key 'PRIMARY'` at the end: in these messages it is the server's own text.
fn key_of(message: &str) -> Option<&str> {
    let at = message.rfind(" for key '")?;
    let name = message[at..].strip_prefix(" for key '")?.strip_suffix('\'')?;
    (!name.contains('\'')).then_some(&message[at..])
}

/// ` for column 'c' at row 5`, or with the column in backquotes, at the end. If a value contains this text, a quote
/// follows it.
fn column_of(message: &str) -> Option<&str> {
    let at = message.rfind(" for column ")?;
    let (name, row) = message[at..].strip_prefix(" for column ")?.rsplit_once(" at row ")?;
    let is_quoted = name.len() > 1 && (name.starts_with('`') && name.ends_with('`') || name.matches('\'').count() == 2);
    (is_quoted && is_number(row)).then_some(&message[at..])
}

/// ` at line 1` at the end.
fn line_of(message: &str) -> Option<&str> {
    let at = message.rfind(" at line ").or_else(|| message.rfind(" at row "))?;
    is_number(message[at..].rsplit(' ').next()?).then_some(&message[at..])
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_and_values_are_not() {
        for (code, message, shown) in [
            (1062, "Duplicate entry 'O'Brien-1' for key 'PRIMARY'", "Duplicate entry '…' for key 'PRIMARY'"),
            (
                1366,
                "Incorrect integer value: 'Smith' for column `s`.`t`.`c` at row 1",
                "Incorrect integer value: '…' for column `s`.`t`.`c` at row 1",
            ),
            (1064, "You have an error near 'PASSWORD '*94BD' x' at line 1", "You have an error near '…' at line 1"),
            (1292, "Truncated incorrect DOUBLE value: 'Smith'", "Truncated incorrect DOUBLE value: '…'"),
            (1146, "Table 's.t' doesn't exist", "Table 's.t' doesn't exist"),
            (
                3,
                "Error writing file './s/t.ibd' (OS errno 28 - No space left on device)",
                "Error writing file './s/t.ibd' (OS errno 28 - No space left on device)",
            ),
            (
                1045,
                "Access denied for user 'a'@'h' (using password: YES)",
                "Access denied for user 'a'@'h' (using password: YES)",
            ),
            (
                1205,
                "Lock wait timeout exceeded; try restarting transaction",
                "Lock wait timeout exceeded; try restarting transaction",
            ),
        ] {
            assert_eq!(without_values(code, message), shown);
        }
        assert!(!without_values(1644, "Mr Smith has an appointment").contains("Smith"));
    }

    #[test]
    fn a_value_that_looks_like_the_end_of_the_message_does_not_show_itself() {
        for (code, message, shown) in [
            (1062, "Duplicate entry 'a' for key 'Smith' for key 'PRIMARY'", "Duplicate entry '…' for key 'PRIMARY'"),
            (1062, "Duplicate entry 'a' for key 'Smith", "Duplicate entry '…'"),
            (1292, "Truncated incorrect value: 'a for key 'Smith'", "Truncated incorrect value: '…'"),
            (1292, "Truncated incorrect value: 'a for column 'Smith' at row 1'", "Truncated incorrect value: '…'"),
            (1064, "near 'a for key 'Smith' at line 1", "near '…' at line 1"),
            (1064, "near 'O'Brien and so on, cut", "near '…'"),
        ] {
            assert_eq!(without_values(code, message), shown, "{message}");
        }
    }
}
