//! The server that a script is for, if it differs from the source: translates definitions for it.

use repo_format::cbor::ByteString;
use repo_format::database::{Flavour, LeftOut, ObjectType, SchemaObject, SchemaRecord, TableRecord};

use crate::database::{Server, quote_name};
use crate::dialect::{
    Collations, END_2038, END_2106, FittedTable, Quoting, RowsFitted, TableTarget, Values, Versioning, enforces_more,
    fit_table, is_keyword, lacking_function, last_moment, modes_for, said_of_collation, tokens,
};

/// Without a server to ask, a script knows the end of time when it is run.
pub(super) const END_OF_TIME: &str = "@enamel_end_of_time";

/// The server that a script is written for.
pub(super) struct Goal {
    server: Server,
    collations: Collations,
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

    /// Whether rows of the server `source` may break checks that this one enforces.
    pub fn enforces_more_than(&self, source: &Server) -> bool {
        enforces_more(&self.server, source)
    }

    /// The table `record` of the server `source` as it is there.
    fn table(&self, record: &TableRecord, source: &Server) -> FittedTable {
        let target = TableTarget {
            server: &self.server,
            collations: &self.collations,
            end_of_time: last_moment(&self.server),
            fills_times: self.server.fills_times(),
        };
        fit_table(record, source, &target)
    }

    /// Brings a schema and everything in it that is no table to this server. Gives what the server has nothing like; it is not among the
    /// objects any more.
    pub fn fit(&self, record: &mut SchemaRecord, notes: &mut Vec<String>) -> Vec<LeftOut> {
        let mut replaced = self.collations.adapt_record(record);
        let mut left_out = Vec::new();
        let schema = record.name.clone();
        record.objects.retain(|object| {
            let Some((what, why)) = foreign(object, &self.server) else { return true };
            let (schema, name) = (schema.clone(), object.name.clone());
            left_out.push(LeftOut { schema, name, what: what.to_owned(), why });
            false
        });
        for object in &mut record.objects {
            let quoting = Quoting::of(object.sql_mode.as_deref().unwrap_or_default());
            object.create = ByteString(self.collations.adapt_object(&object.create.0, quoting, &mut replaced));
            object.sql_mode = object.sql_mode.as_ref().map(|modes| modes_for(&self.server, modes));
        }
        let said =
            |(from, to): (&String, &String)| format!("{}: {}", quote_name(&record.name), said_of_collation(from, to));
        notes.extend(replaced.iter().map(said));
        left_out
    }
}

/// The kind of an object that `server` has no equivalent for, and why.
fn foreign(object: &SchemaObject, server: &Server) -> Option<(&'static str, String)> {
    use ObjectType as T;
    if object.kind == T::View {
        let function = lacking_function(&object.create.0, server)?;
        return Some(("view", format!("it calls {function}, which the server does not have")));
    }
    if server.is_mariadb() {
        return None;
    }
    let is_of_oracle = || object.sql_mode.iter().flat_map(|modes| modes.split(',')).any(|mode| mode == "ORACLE");
    let (what, why) = match object.kind {
        T::Sequence => ("sequence", "MySQL has none"),
        T::Package | T::PackageBody => ("package", "MySQL has none"),
        T::Function | T::Procedure | T::Trigger | T::Event if is_of_oracle() => {
            ("routine", "it is in the language of Oracle, which MySQL does not have")
        }
        T::Function if is_aggregate(&object.create.0) => ("function", "it is an aggregate, which MySQL does not have"),
        _ => return None,
    };
    Some((what, why.to_owned()))
}

fn is_aggregate(create: &[u8]) -> bool {
    let tokens = tokens(create).unwrap_or_default();
    let function = tokens.iter().position(|token| is_keyword(create, token, "FUNCTION"));
    function.is_some_and(|at| at > 0 && is_keyword(create, &tokens[at - 1], "AGGREGATE"))
}

/// The table `record` of the server `source` as a script for `goal` makes it, or as it is.
pub(super) fn fit_for(record: &TableRecord, source: &Server, goal: Option<&Goal>) -> FittedTable {
    if let Some(goal) = goal {
        return goal.table(record, source);
    }
    // As it is it needs a server that takes history.
    let newest = Server::from_version("99.0.0-MariaDB");
    let versioning = Versioning::of(record, source, &newest, END_2038);
    FittedTable {
        create: record.create.0.clone(),
        record: record.clone(),
        rows: RowsFitted { versioning, values: None },
        notes: Vec::new(),
        missed: Vec::new(),
        refusal: None,
    }
}

/// The moments of `record` that only servers hold which know them until 2106, as `source` and `goal` do; `None` if there are none.
pub(super) fn late_moments(
    record: &TableRecord,
    versioning: Option<&Versioning>,
    source: &Server,
    goal: Option<&Goal>,
) -> Option<Values> {
    let target = goal.map_or(source, |goal| &goal.server);
    let is_late = last_moment(source) == END_2106 && last_moment(target) == END_2106;
    is_late.then(|| Values::of_moments(record, versioning, END_2038)).flatten()
}
