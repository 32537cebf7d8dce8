//! Option files of MySQL and MariaDB (`my.cnf`). Reads the address and the user from the groups that all clients read.
//!
//! The parser works on text; reading files and their includes is separate from it.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::address::{AddressParts, Password, Verify, parse_port};
use engine_core::error::{Error, ErrorKind, Result};

/// The groups that all clients read.
const GROUPS: [&str; 3] = ["client", "client-server", "client-mariadb"];
/// The depth to which files may include each other: the same as in the servers' own programs.
const DEPTH_MAX: usize = 10;
/// The number of files that are read at most: more means that they include each other in a ring.
const FILES_MAX: usize = 100;
/// The longest file that is read, bytes: hundreds of times a real one.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The extension of the files that `!includedir` reads.
const INCLUDED: &str = "cnf";

/// A line of an option file that is neither empty nor a comment.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Group(String),
    Option { key: String, value: Option<Zeroizing<String>> },
    Include(String),
    IncludeFolder(String),
}

/// Reads the option file `path` and its includes. Later lines win; keys that are not about the connection are ignored.
///
/// # Errors
/// [`ErrorKind::Usage`] names file and line, and never a value.
pub fn read_option_file(path: &Path) -> Result<AddressParts> {
    let mut reader = Reader { parts: AddressParts::default(), files: 0 };
    reader.read(path, 0)?;
    // Like the servers' own programs: a socket never reaches a host other than this machine.
    let elsewhere = reader.parts.host.as_deref().is_some_and(|host| host != "localhost");
    if elsewhere {
        reader.parts.socket = None;
    }
    Ok(reader.parts)
}

struct Reader {
    parts: AddressParts,
    files: usize,
}

impl Reader {
    fn read(&mut self, path: &Path, depth: usize) -> Result<()> {
        let what = format!("cannot use the option file {}", path.display());
        self.files += 1;
        if depth > DEPTH_MAX || self.files > FILES_MAX {
            return Err(Error::new(ErrorKind::Usage, format!("{what}: too many files include each other")));
        }
        let text = read_text(path, &what)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut is_ours = false;
        for (number, line) in (1..).zip(text.lines()) {
            let usage = |why: String| Error::new(ErrorKind::Usage, format!("{what}, line {number}: {why}"));
            match parse_line(line).map_err(usage)? {
                None => {}
                Some(Line::Group(name)) => is_ours = GROUPS.contains(&name.as_str()),
                Some(Line::Option { key, value }) if is_ours => apply(&mut self.parts, &key, value).map_err(usage)?,
                Some(Line::Option { .. }) => {}
                Some(Line::Include(file)) => self.read(&folder.join(file), depth + 1)?,
                Some(Line::IncludeFolder(name)) => self.read_folder(&folder.join(name), depth)?,
            }
        }
        Ok(())
    }

    fn read_folder(&mut self, folder: &Path, depth: usize) -> Result<()> {
        let failed = |e| usage_error(&format!("cannot read the folder of option files {}", folder.display()), e);
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            paths.push(entry.map_err(failed)?.path());
        }
        paths.retain(|path| path.extension().is_some_and(|extension| extension == INCLUDED));
        paths.sort();
        paths.iter().try_for_each(|path| self.read(path, depth + 1))
    }
}

fn read_text(path: &Path, what: &str) -> Result<Zeroizing<String>> {
    use std::io::Read;
    let file = std::fs::File::open(path).map_err(|e| usage_error(what, e))?;
    let bytes_max = file.metadata().map_err(|e| usage_error(what, e))?.len();
    if bytes_max > FILE_BYTES_MAX {
        return Err(Error::new(ErrorKind::Usage, format!("{what}: it is longer than {FILE_BYTES_MAX} bytes")));
    }
    // Allocated in full at the start: growing would leave copies of secrets behind.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(bytes_max).unwrap_or(0) + 1));
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|e| usage_error(what, e))?;
    Ok(text)
}

fn usage_error(what: &str, error: std::io::Error) -> Error {
    Error::io(what, error).with_kind(ErrorKind::Usage)
}

/// The contents of a line; `None` if it is empty or a comment.
fn parse_line(line: &str) -> std::result::Result<Option<Line>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', ';']) {
        return Ok(None);
    }
    if let Some(directive) = line.strip_prefix('!') {
        return parse_directive(directive).map(Some);
    }
    if let Some(group) = line.strip_prefix('[') {
        let (name, _) = group.split_once(']').ok_or("the name of a group is not closed")?;
        return Ok(Some(Line::Group(name.trim().to_owned())));
    }
    let line = without_comment(line).trim_end();
    let (key, value) = match line.split_once('=') {
        Some((key, value)) => (key, Some(unquote(value.trim()))),
        None => (line, None),
    };
    let key = key.trim().to_ascii_lowercase().replace('_', "-");
    let key = key.strip_prefix("loose-").unwrap_or(&key).to_owned();
    Ok(Some(Line::Option { key, value }))
}

fn parse_directive(directive: &str) -> std::result::Result<Line, String> {
    let (name, path) = directive.split_once(char::is_whitespace).ok_or("it includes nothing")?;
    match name {
        "include" => Ok(Line::Include(path.trim().to_owned())),
        "includedir" => Ok(Line::IncludeFolder(path.trim().to_owned())),
        _ => Err(format!("`!{name}` is neither !include nor !includedir")),
    }
}

/// The line up to a `#` outside of quotes.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '#') => return &line[..at],
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open && !is_escaped => quote = None,
            _ => {}
        }
        is_escaped = quote.is_some() && c == '\\' && !is_escaped;
    }
    line
}

/// A value without its quotes, and with its escapes decoded.
fn unquote(value: &str) -> Zeroizing<String> {
    let inner = ['\'', '"'].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(value);
    let mut text = Zeroizing::new(String::with_capacity(inner.len()));
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('b')) => text.push('\u{8}'),
            ('\\', Some('t')) => text.push('\t'),
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some('r')) => text.push('\r'),
            ('\\', Some('s')) => text.push(' '),
            ('\\', Some(quoted @ ('\\' | '"' | '\''))) => text.push(quoted),
            (c, other) => text.extend([Some(c), other].into_iter().flatten()),
        }
    }
    text
}

/// Applies one option, if it is about the connection.
fn apply(parts: &mut AddressParts, key: &str, value: Option<Zeroizing<String>>) -> std::result::Result<(), String> {
    let text = value.as_ref().map(|value| value.as_str());
    let owned = || text.filter(|text| !text.is_empty()).map(str::to_owned);
    let path = || owned().map(PathBuf::from);
    match key {
        "host" => parts.host = owned(),
        "port" => parts.port = owned().map(|port| parse_port(&port)).transpose().map_err(|e| e.to_string())?,
        "socket" => parts.socket = path(),
        "user" => parts.user = owned(),
        // Without a value it asks the user, and no user is present here.
        "password" => parts.password = value.map(Password),
        "ssl-ca" => parts.tls.authority = path(),
        "ssl-cert" => parts.tls.certificate = path(),
        "ssl-key" => parts.tls.key = path(),
        "ssl" => parts.tls.wanted = Some(is_on(key, text)?),
        "skip-ssl" | "disable-ssl" => parts.tls.wanted = Some(!is_on(key, text)?),
        "ssl-mode" => {
            parts.tls.wanted = Some(is_wanted(text)?);
            if text.is_some_and(|mode| mode.to_ascii_uppercase().replace('-', "_") == "VERIFY_CA") {
                parts.tls.verify = Some(Verify::Authority);
            }
        }
        "ssl-verify-server-cert" => parts.tls.verify = Some(verified(is_on(key, text)?)),
        "skip-ssl-verify-server-cert" | "disable-ssl-verify-server-cert" => {
            parts.tls.verify = Some(verified(!is_on(key, text)?));
        }
        _ => {}
    }
    Ok(())
}

fn is_on(key: &str, value: Option<&str>) -> std::result::Result<bool, String> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("" | "1" | "on" | "true" | "yes") => Ok(true),
        Some("0" | "off" | "false" | "no") => Ok(false),
        Some(_) => Err(format!("`{key}` is neither on nor off")),
    }
}

/// MariaDB's clients check the name or nothing.
fn verified(wanted: bool) -> Verify {
    if wanted { Verify::Name } else { Verify::Nothing }
}

/// MySQL's `ssl-mode`. Its mode PREFERRED may fall back to an unencrypted connection, so it requests nothing here.
fn is_wanted(value: Option<&str>) -> std::result::Result<bool, String> {
    match value.map(|value| value.to_ascii_uppercase().replace('-', "_")).as_deref() {
        Some("DISABLED" | "PREFERRED") => Ok(false),
        Some("REQUIRED" | "VERIFY_CA" | "VERIFY_IDENTITY") => Ok(true),
        _ => Err("`ssl-mode` is none of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<AddressParts> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.cnf");
        std::fs::write(&path, text).unwrap();
        read_option_file(&path)
    }

    fn password(line: &str) -> String {
        let parts = read(&format!("[client]\n{line}\n")).unwrap();
        parts.password.map(|password| password.0.to_string()).unwrap_or_default()
    }

    #[test]
    fn only_the_groups_of_clients_count() {
        let parts = read(
            "host=nobody\n[mysqld]\nport=1\nuser = mysql\n[client]\nuser = ann\n; user = eve\n[client-server]\nport=3307\n\
             [mysqldump]\nuser=dump\n[client-mariadb]\nssl_ca = /etc/ca.pem\nquick\n",
        );
        let parts = parts.unwrap();
        assert_eq!((parts.user.as_deref(), parts.port, parts.host), (Some("ann"), Some(3307), None));
        assert_eq!(parts.tls.authority, Some("/etc/ca.pem".into()));
    }

    #[test]
    fn quotes_escapes_and_comments_are_as_in_the_servers_own_files() {
        assert_eq!(password("password = plain"), "plain");
        assert_eq!(password("password='a#b c' # comment"), "a#b c");
        assert_eq!(password("password=a#b"), "a");
        assert_eq!(password(r#"password="q\"uote\\""#), r#"q"uote\"#);
        assert_eq!(password(r"password=a\sb\tc\x"), "a b\tc\\x");
        assert_eq!(password("password="), "");
        assert_eq!(password("password=a=b"), "a=b");
        assert!(read("[client]\npassword\n").unwrap().password.is_none());
    }

    #[test]
    fn tls_can_be_switched_in_several_ways() {
        let tls = |lines: &str| read(&format!("[client]\n{lines}\n")).unwrap().tls;
        assert_eq!(tls("ssl").wanted, Some(true));
        assert_eq!(tls("ssl=OFF").wanted, Some(false));
        assert_eq!(tls("skip_ssl").wanted, Some(false));
        assert_eq!(tls("ssl-mode=VERIFY_IDENTITY").wanted, Some(true));
        assert_eq!(tls("loose-ssl-verify-server-cert=0").verify, Some(Verify::Nothing));
        assert_eq!(tls("disable-ssl-verify-server-cert").verify, Some(Verify::Nothing));
    }

    #[test]
    fn mistakes_are_named_by_file_and_line_but_not_by_value() {
        for text in ["[client", "[client]\nport=secret0", "!include", "!require x", "[client]\nssl=secret"] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("my.cnf, line"), "{error}");
        }
        assert!(!read("[client]\nssl=secret").unwrap_err().to_string().contains("secret"));
    }

    #[test]
    fn files_include_others_but_not_themselves_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        std::fs::create_dir(folder.path().join("conf.d")).unwrap();
        write("my.cnf", "[client]\nuser=first\n!includedir conf.d\nport=3308\n");
        write("conf.d/10-a.cnf", "[client]\nuser=second\n!include ../host.inc\n");
        write("conf.d/20-b.cnf", "[client]\nuser=third\n");
        write("conf.d/30-c.txt", "[client]\nuser=never\n");
        write("host.inc", "[client]\nhost=db\nsocket=/run/my.sock\n");
        let parts = read_option_file(&folder.path().join("my.cnf")).unwrap();
        assert_eq!((parts.user.as_deref(), parts.host.as_deref(), parts.port), (Some("third"), Some("db"), Some(3308)));
        assert_eq!(parts.socket, None, "a socket does not lead to another host");
        write("conf.d/40-d.cnf", "!includedir .\n");
        let error = read_option_file(&folder.path().join("my.cnf")).unwrap_err();
        assert!(error.to_string().contains("include each other"), "{error}");
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "\\PC{0,60}") {
            let _ = parse_line(&line);
            let _ = without_comment(&line);
            let _ = unquote(&line);
        }

        #[test]
        fn a_quoted_value_is_what_was_quoted(value in "[ -~]{0,30}") {
            let line = format!("password=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
            let parsed = parse_line(&line).unwrap();
            prop_assert_eq!(parsed, Some(Line::Option { key: "password".into(), value: Some(Zeroizing::new(value)) }));
        }
    }
}
