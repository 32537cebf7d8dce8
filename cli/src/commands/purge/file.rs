//! The file of a plan: TOML, to be read before it is run. Its seal says that a member of the repository wrote it so.

use std::io::Write;
use std::path::Path;

use engine::purge::{Attachments, Category, Child, Column, Cutoff, Exception, Plan, Rule, Seal, Unset};
use engine::{Error, ErrorKind, Result};
use repo_format::id::{Bytes32, LeaseId};
use serde::{Deserialize, Serialize};

use crate::ui::format;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    digest: String,
    epoch: u32,
    seal: String,
    server: String,
    schema: String,
    snapshot: String,
    before: String,
    unset_dates: UnsetDates,
    #[serde(default)]
    except: Vec<ExceptFile>,
    #[serde(default)]
    category: Vec<CategoryFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum UnsetDates {
    Keep,
    Old,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExceptFile {
    column: String,
    value: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CategoryFile {
    name: String,
    table: String,
    date: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    children: Vec<ChildFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attachments: Option<AttachmentsFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AttachmentsFile {
    folder: String,
    folder_in_snapshot: String,
    sub_folder: String,
    table: String,
    column: String,
    file_name: String,
    unset: Vec<String>,
    named_by: Vec<ColumnFile>,
    rows_used_by: Vec<ColumnFile>,
    parents_used_by: Vec<ColumnFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnFile {
    table: String,
    column: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChildFile {
    table: String,
    column: String,
}

/// Writes `plan` into a new file, with `remarks` as comments before it.
///
/// # Errors
/// [`ErrorKind::Usage`] if there is a file already; else of the file system.
pub fn write(path: &Path, plan: &Plan, remarks: &str) -> Result<()> {
    let what = format!("cannot write the plan {}", path.display());
    let body = toml::to_string(&PlanFile::of(plan)).map_err(|e| Error::caused(ErrorKind::Io, what.as_str(), e))?;
    let comments: String = remarks.lines().map(|line| format!("# {line}").trim_end().to_owned() + "\n").collect();
    let mut file = std::fs::File::create_new(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Error::new(ErrorKind::Usage, format!("{what}: there is such a file already"))
                .with_hint("Name another file with --output: a plan is never written over an old one.")
        }
        _ => Error::io(what.as_str(), e),
    })?;
    let written = file.write_all(format!("{comments}\n{body}").as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|e| Error::io(what.as_str(), e))
}

/// Reads a plan. Whether it is as it was made, its seal says, which the engine checks.
///
/// # Errors
/// [`ErrorKind::Usage`] if it is no plan.
pub fn read(path: &Path) -> Result<Plan> {
    let what = format!("cannot use the plan {}", path.display());
    let usage = |why: String| {
        Error::new(ErrorKind::Usage, format!("{what}: {why}"))
            .with_hint("`enamel purge plan --output FILE` makes a plan; it can be run as it was made only.")
    };
    let text = std::fs::read_to_string(path).map_err(|e| {
        Error::caused(ErrorKind::Usage, what.as_str(), e)
            .with_hint("Name the file that `enamel purge plan --output FILE` has written.")
    })?;
    let file: PlanFile = toml::from_str(&text).map_err(|e| usage(e.to_string().trim_end().to_owned()))?;
    let digest = file.digest.clone();
    let plan = file.plan().map_err(usage)?;
    if format::hex(&plan.digest()) == digest {
        Ok(plan)
    } else {
        Err(usage("somebody edited it: make a new one with `enamel purge plan`".to_owned()))
    }
}

/// Reads the 64 hex digits of a tag.
fn tag(text: &str) -> Option<[u8; 32]> {
    text.parse::<Bytes32>().ok().map(|id| id.0)
}

impl PlanFile {
    fn of(plan: &Plan) -> Self {
        let category = |category: &Category| CategoryFile {
            name: category.name.clone(),
            table: category.table.clone(),
            date: category.date.clone(),
            condition: category.condition.clone(),
            children: category
                .children
                .iter()
                .map(|child| ChildFile { table: child.table.clone(), column: child.column.clone() })
                .collect(),
            attachments: category.attachments.as_ref().map(AttachmentsFile::of),
        };
        let except = |except: &Exception| ExceptFile { column: except.column.clone(), value: except.value.clone() };
        PlanFile {
            digest: format::hex(&plan.digest()),
            epoch: plan.seal.epoch,
            seal: format::hex(&plan.seal.tag),
            server: plan.server.clone(),
            schema: plan.schema.clone(),
            snapshot: plan.snapshot.to_string(),
            before: plan.rule.cutoff.first_kept().to_string(),
            unset_dates: match plan.rule.unset {
                Unset::Keep => UnsetDates::Keep,
                Unset::Old => UnsetDates::Old,
            },
            except: plan.rule.exceptions.iter().map(except).collect(),
            category: plan.categories.iter().map(category).collect(),
        }
    }

    fn plan(self) -> std::result::Result<Plan, String> {
        let snapshot = self.snapshot.parse::<LeaseId>().map_err(|_| "`snapshot` is not an id".to_owned())?;
        let tag = tag(&self.seal).ok_or_else(|| "`seal` is not 64 hex digits".to_owned())?;
        let before = self.before.parse().map_err(|_| "`before` is not a date".to_owned())?;
        let except = |except: ExceptFile| Exception { column: except.column, value: except.value };
        let category = |category: CategoryFile| Category {
            name: category.name,
            table: category.table,
            date: category.date,
            children: category
                .children
                .into_iter()
                .map(|child| Child { table: child.table, column: child.column })
                .collect(),
            attachments: category.attachments.map(AttachmentsFile::attachments),
            condition: category.condition,
            keep_years: None,
            note: None,
        };
        Ok(Plan {
            server: self.server,
            schema: self.schema,
            snapshot,
            rule: Rule {
                cutoff: Cutoff::before(before),
                unset: match self.unset_dates {
                    UnsetDates::Keep => Unset::Keep,
                    UnsetDates::Old => Unset::Old,
                },
                exceptions: self.except.into_iter().map(except).collect(),
            },
            categories: self.category.into_iter().map(category).collect(),
            seal: Seal { epoch: self.epoch, tag },
        })
    }
}

impl AttachmentsFile {
    fn of(attachments: &Attachments) -> Self {
        let columns = |columns: &[Column]| {
            let column = |c: &Column| ColumnFile { table: c.table.clone(), column: c.column.clone() };
            columns.iter().map(column).collect()
        };
        AttachmentsFile {
            folder: attachments.folder.clone(),
            folder_in_snapshot: attachments.saved_folder.clone(),
            sub_folder: attachments.sub_folder.clone(),
            table: attachments.rows.table.clone(),
            column: attachments.rows.column.clone(),
            file_name: attachments.file_name.clone(),
            unset: attachments.unset.clone(),
            named_by: columns(&attachments.named_by),
            rows_used_by: columns(&attachments.rows_used_by),
            parents_used_by: columns(&attachments.parents_used_by),
        }
    }

    fn attachments(self) -> Attachments {
        let columns = |columns: Vec<ColumnFile>| {
            columns.into_iter().map(|c| Column { table: c.table, column: c.column }).collect()
        };
        Attachments {
            rows: Child { table: self.table, column: self.column },
            file_name: self.file_name,
            folder: self.folder,
            saved_folder: self.folder_in_snapshot,
            sub_folder: self.sub_folder,
            unset: self.unset,
            named_by: columns(self.named_by),
            rows_used_by: columns(self.rows_used_by),
            parents_used_by: columns(self.parents_used_by),
        }
    }
}
