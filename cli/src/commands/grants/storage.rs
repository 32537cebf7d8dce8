//! Policies for accounts in object storage.

use engine::store::s3::S3Address;
use engine::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::Exit;
use crate::settings::Place;

/// The rights of an account in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Read and add. It deletes only leases, which are its own notes.
    AddOnly,
    /// Also delete, replace by condition, and lock.
    All,
}

/// Where other storages than AWS differ. Tried on Ceph 20.2 and SeaweedFS 4.48; the others by their documentation.
const ELSEWHERE: &str = "\
This is the language of AWS. Elsewhere:
  Ceph          leave out the statements with \"Null\": Ceph does not know them and would refuse every put. Without them
                an account can overwrite. Give the bucket neither versions nor object lock: with them Ceph 16 and 20 let
                all of several puts at once succeed that ask to be the first, and `enamel init` refuses such a bucket.
  SeaweedFS     has no right to put without the right to delete: give the bucket object lock.
  Cloudflare R2 has no such policies: use its bucket locks.
  Backblaze B2  an application key without deleteFiles; overwriting only adds a version there.
The owner of a bucket owns its objects only if the bucket says so (object ownership): give the policy to both accounts.";

/// Prints the policy on standard output, and what differs elsewhere on standard error.
///
/// # Errors
/// The repository is in a folder.
pub fn print(rights: Rights, context: &Context<'_>) -> Result<Exit> {
    let Place::ObjectStorage(address) = context.repository_place()? else {
        let message = "a policy is for a bucket of object storage";
        return Err(Error::new(ErrorKind::Usage, message).with_hint("name it: --repo s3://BUCKET/PREFIX"));
    };
    let policy = policy(address, rights);
    if context.ui.is_json() {
        context.ui.message("policy", json!({ "policy": policy }))?;
    } else {
        context.ui.line(format_args!("{policy:#}"))?;
    }
    context.ui.say(ELSEWHERE);
    Ok(Exit::Done)
}

fn policy(address: &S3Address, rights: Rights) -> Value {
    let bucket = format!("arn:aws:s3:::{}", address.bucket());
    let folder = if address.prefix().is_empty() { String::new() } else { format!("{}/", address.prefix()) };
    let under = |path: &str| format!("{bucket}/{folder}{path}*");
    let mut list = json!({
        "Effect": "Allow",
        "Action": ["s3:ListBucket", "s3:ListBucketVersions"],
        "Resource": bucket,
    });
    if !folder.is_empty() {
        list["Condition"] = json!({ "StringLike": { "s3:prefix": [format!("{folder}*")] } });
    }
    let about = json!({
        "Effect": "Allow",
        "Action": [
            "s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:GetBucketObjectLockConfiguration",
            "s3:GetLifecycleConfiguration",
        ],
        "Resource": bucket,
    });
    let read_and_add = json!({
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
        "Resource": under(""),
    });
    let mut statements = vec![list, about, read_and_add];
    match rights {
        Rights::AddOnly => {
            statements.push(json!({ "Effect": "Allow", "Action": "s3:DeleteObject", "Resource": under("leases/") }));
            // A put without this condition could overwrite.
            statements.push(json!({
                "Effect": "Deny",
                "Action": "s3:PutObject",
                "Resource": under(""),
                "Condition": { "Null": { "s3:if-none-match": "true" } },
            }));
        }
        Rights::All => {
            statements.push(json!({
                "Effect": "Allow",
                "Action": ["s3:DeleteObject", "s3:GetObjectRetention", "s3:PutObjectRetention"],
                "Resource": under(""),
            }));
            statements.push(json!({
                "Effect": "Deny",
                "Action": "s3:PutObject",
                "Resource": under(""),
                "Condition": { "Null": { "s3:if-none-match": "true", "s3:if-match": "true" } },
            }));
        }
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_may_delete_leases_and_nothing_else() {
        let policy = policy(&"s3://practice/office".parse().unwrap(), Rights::AddOnly);
        let allows_delete: Vec<_> = policy["Statement"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|s| s["Effect"] == "Allow" && s["Action"].to_string().contains("Delete"))
            .map(|s| s["Resource"].as_str().unwrap())
            .collect();
        assert_eq!(allows_delete, ["arn:aws:s3:::practice/office/leases/*"]);
        assert!(policy.to_string().contains(r#""s3:if-none-match":"true""#));
        assert!(policy.to_string().contains(r#""s3:prefix":["office/*"]"#));
    }

    #[test]
    fn a_repository_that_fills_a_bucket_needs_no_prefix() {
        let policy = policy(&"s3://practice".parse().unwrap(), Rights::All).to_string();
        assert!(policy.contains(r#""arn:aws:s3:::practice/*""#) && !policy.contains("s3:prefix"), "{policy}");
    }
}
