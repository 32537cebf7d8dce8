//! Settings that have other values than in a database that is well.

use repo_format::id::ChunkId;

use super::Profile;
use super::cells::each_row;
use super::definition::Expected;
use engine_core::error::Result;
use engine_core::pack::ChunkReader;

/// A setting with a surprising value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surprise {
    /// Its name.
    pub setting: &'static str,
    /// Its value; `None` if it is not there.
    pub value: Option<String>,
    /// The meaning of that.
    pub meaning: &'static str,
}

impl Expected {
    fn is(self, value: Option<&str>) -> bool {
        let value = value.unwrap_or_default().trim();
        match self {
            Expected::Version => {
                let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                value.contains('.') && value.split('.').all(is_number)
            }
            Expected::Not(other) => value != other,
            Expected::Empty => value.is_empty(),
            Expected::Something => !value.is_empty(),
        }
    }
}

/// The settings of the saved `schema` whose values are surprising, in the order of the profile.
///
/// # Errors
/// [`engine_core::ErrorKind::NotFound`] if the table of settings was not saved; [`engine_core::ErrorKind::Damaged`].
pub fn surprises(reader: &ChunkReader<'_>, profile: &Profile, schema: Option<ChunkId>) -> Result<Vec<Surprise>> {
    let place = &profile.settings;
    let mut values: Vec<Option<String>> = vec![None; place.expected.len()];
    each_row(reader, schema, place.table, [place.name, place.value], &mut |[name, value]| {
        let name = name.unwrap_or_default();
        let is_it = |setting: &str| setting.as_bytes().eq_ignore_ascii_case(&name);
        if let Some(at) = place.expected.iter().position(|expectation| is_it(expectation.setting)) {
            values[at] = Some(String::from_utf8_lossy(&value.unwrap_or_default()).into_owned());
        }
        Ok(())
    })?;
    let found = place.expected.iter().zip(values);
    let surprising = found.filter(|(expectation, value)| !expectation.expected.is(value.as_deref()));
    let surprise = surprising.map(|(expectation, value)| Surprise {
        setting: expectation.setting,
        value,
        meaning: expectation.otherwise,
    });
    Ok(surprise.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_empty_values_are_known() {
        for (expected, good, bad) in [
            (Expected::Version, "24.3.1.0", "x"),
            (Expected::Version, "24.3", ""),
            (Expected::Not("1"), "0", "1"),
            (Expected::Empty, " ", "FRONTDESK"),
            (Expected::Something, r"\\SERVER\Images", ""),
        ] {
            assert!(expected.is(Some(good)) && !expected.is(Some(bad)), "{expected:?}");
        }
        assert!(!Expected::Version.is(None) && Expected::Empty.is(None));
    }
}
