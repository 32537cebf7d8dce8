//! How a place in object storage is reached, told to another computer: the lines of `[s3]` that it needs. No secret is among them.

use std::path::PathBuf;

use serde::Serialize;
use toml_edit::Value;

use super::edit::{self, Edit};
use super::object_storage::BucketIn;

/// Said beside the lines.
pub const ACCESS_KEY: &str =
    "The access key is not among them: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a `credentials-file`.";

/// How a place is reached, as far as it is not what everybody would try first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// The URL of the server; without one it is AWS.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: Option<String>,
    /// Where the bucket stands in a URL.
    pub bucket_in: Option<BucketIn>,
    /// The file with the certificate authority of the server.
    pub ca: Option<PathBuf>,
}

impl Reach {
    /// The lines of the settings file in the section `[section]`.
    ///
    /// # Errors
    /// A path is not UTF-8.
    pub fn lines(&self, section: &str) -> engine::Result<Vec<String>> {
        let text = |value: &Option<String>| value.as_deref().map(Value::from);
        let mut file = Edit::of("")?;
        file.set(&format!("{section}.endpoint"), text(&self.endpoint))?;
        file.set(&format!("{section}.region"), text(&self.region))?;
        file.set(&format!("{section}.bucket-in"), self.bucket_in.map(|bucket_in| bucket_in.name().into()))?;
        file.set(&format!("{section}.ca"), self.ca.as_deref().map(edit::path).transpose()?)?;
        // `[a.b]` says all that an empty `[a]` above it would.
        let lines = file.text();
        let lines = lines.lines().filter(|line| !line.is_empty() && *line != format!("[{}]", outer(section)));
        let with_remark = |line: &str| {
            let remark = if line.starts_with("ca = ") { "  # copy this file to the other computer, too" } else { "" };
            format!("{line}{remark}")
        };
        Ok(lines.map(with_remark).collect())
    }
}

fn outer(section: &str) -> &str {
    section.rsplit_once('.').map_or("", |(outer, _)| outer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::FileSettings;

    #[test]
    fn the_lines_say_again_how_a_place_is_reached() {
        let reach = Reach {
            endpoint: Some("https://s3.example.org".into()),
            region: Some("eu".into()),
            bucket_in: Some(BucketIn::Path),
            ca: Some("/etc/ca \"x\".pem".into()),
        };
        let lines = reach.lines("supplemental.s3").unwrap();
        assert_eq!(lines[0], "[supplemental.s3]");
        let read: FileSettings = toml::from_str(&lines.join("\n")).unwrap();
        let s3 = read.supplemental.s3.unwrap();
        let again = Reach { endpoint: s3.endpoint, region: s3.region, bucket_in: s3.bucket_in, ca: s3.ca };
        assert_eq!(again, reach);
        assert_eq!(Reach::default().lines("s3").unwrap(), Vec::<String>::new());
        let one = Reach { region: Some("eu".into()), ..Reach::default() };
        assert_eq!(one.lines("s3").unwrap(), ["[s3]", "region = \"eu\""]);
    }
}
