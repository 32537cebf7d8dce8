//! The server that a script is written for, if it is another one than the source: definitions in its words.

use repo_format::cbor::ByteString;
use repo_format::database::{Flavour, LeftOut, ObjectType, SchemaRecord, TableRecord};

use crate::database::{Server, quote_name};
use crate::dialect::{
    Collations, END_2038, Quoting, Replaced, Translated, Versioning, modes_for, translated, with_times,
    without_versioning,
};

/// Types that MariaDB alone has.
const OF_MARIADB: [&str; 3] = ["uuid", "inet4", "inet6"];
/// Without a server to ask, a script knows the end of time when it is run.
pub(super) const END_OF_TIME: &str = "@enamel_end_of_time";

/// The server that a script is written for.
pub(super) struct Goal {
    server: Server,
    collations: Collations,
}

/// A table as the script makes it.
pub(super) struct FittedTable {
    /// Its definition.
    pub create: Vec<u8>,
    /// The columns that have values.
    pub record: TableRecord,
    /// How its history is written.
    pub versioning: Option<Versioning>,
    /// What is otherwise: sentences.
    pub notes: Vec<String>,
    /// Why it is left out.
    pub refusal: Option<String>,
}

impl Goal {
    /// A script for `server`.
    pub fn new(server: Server) -> Self {
        Goal { collations: Collations::of(&server), server }
    }

    /// Its family.
    pub fn flavour(&self) -> Flavour {
        self.server.flavour
    }

    /// Brings a schema and everything in it that is no table to this server. Gives what the server has nothing like; it is not among the
    /// objects any more.
    pub fn fit(&self, record: &mut SchemaRecord, notes: &mut Vec<String>) -> Vec<LeftOut> {
        let mut replaced = Replaced::new();
        let collation = record.collation.clone();
        self.collations.adapt_record(record);
        if collation != record.collation {
            replaced.insert(collation, record.collation.clone());
        }
        let mut left_out = Vec::new();
        let schema = record.name.clone();
        record.objects.retain(|object| {
            use ObjectType as T;
            let what = match object.kind {
                T::Sequence => "sequence",
                T::Package | T::PackageBody => "package",
                _ => return true,
            };
            if !self.server.is_mariadb() {
                let (name, why) = (object.name.clone(), "MySQL has none".to_owned());
                left_out.push(LeftOut { schema: schema.clone(), name, what: what.to_owned(), why });
            }
            self.server.is_mariadb()
        });
        for object in &mut record.objects {
            let quoting = Quoting::of(object.sql_mode.as_deref().unwrap_or_default());
            object.create = ByteString(self.collations.adapt_object(&object.create.0, quoting, &mut replaced));
            object.sql_mode = object.sql_mode.as_ref().map(|modes| modes_for(&self.server, modes));
        }
        notes
            .extend(replaced.iter().map(|(from, to)| format!("{}: {to} in place of {from}", quote_name(&record.name))));
        left_out
    }
}

/// The table `record` of the server `source` as a script for `goal` makes it, or as it is.
pub(super) fn fit_table(record: &TableRecord, source: &Server, goal: Option<&Goal>) -> FittedTable {
    let mut fitted = FittedTable {
        create: record.create.0.clone(),
        record: record.clone(),
        versioning: None,
        notes: Vec::new(),
        refusal: None,
    };
    // As it is it needs a server that takes history.
    let newest = Server::from_version("99.0.0-MariaDB");
    let target = goal.map_or(&newest, |goal| &goal.server);
    fitted.versioning = Versioning::of(record, source, target, END_2038);
    let Some(goal) = goal else { return fitted };
    let mut replaced = Replaced::new();
    let create = goal.collations.adapt(&fitted.create, &mut replaced);
    fitted.notes.extend(replaced.iter().map(|(from, to)| format!("{to} in place of {from}")));
    let Translated { sql, notes } = translated(&create, target);
    (fitted.create, fitted.notes) = (sql, [fitted.notes, notes].concat());
    if target.fills_times() {
        let timed = with_times(&fitted.create);
        fitted.create = timed.sql;
        fitted.notes.extend(timed.notes);
    }
    if let Some(versioning) = &fitted.versioning {
        fitted.create = versioning.definition(&fitted.create);
        fitted.record = versioning.record(record);
        fitted.notes.extend(versioning.loss().map(str::to_owned));
    } else if record.versioned == Some(false) && !target.is_mariadb_from((10, 3, 4)) {
        fitted.create = without_versioning(&fitted.create);
    }
    let foreign = record.columns.iter().find(|column| OF_MARIADB.contains(&column.column_type.as_str()));
    fitted.refusal = foreign.filter(|_| !target.is_mariadb()).map(|column| {
        format!(
            "its column {} has the type {}, which MySQL does not have",
            quote_name(&column.name),
            column.column_type
        )
    });
    fitted
}
