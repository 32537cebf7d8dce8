//! The pages: a file for each, with its template beside it.
//!
//! A page looks through the office, builds what its template shows, and leaves orders on the agent's desk. All sentences that
//! people read stand in the templates and in `view/words.rs`.

mod act;
mod actions;
mod backup;
mod come_in;
mod compare;
mod compare_rows;
mod find;
mod live;
pub(super) mod moments;
mod proof;
mod refusal;
mod remove;
mod remove_purge;
mod remove_told;
mod remove_tonight;
mod restore;
mod settings;
mod settings_change;
pub(super) mod setup;
mod setup_tell;
mod supplemental;
mod thing;
mod trouble;
mod work;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};

use super::door::{Visitor, guard};
use super::view::{Frame, Tab};
use super::{House, assets};

pub use refusal::Refusal;

/// All routes, behind the door.
pub fn router(house: Arc<House>) -> Router {
    Router::new()
        .merge(assets::routes())
        .merge(come_in::routes())
        .merge(backup::routes())
        .merge(proof::routes())
        .merge(supplemental::routes())
        .merge(settings::routes())
        .merge(remove::routes())
        .merge(work::routes())
        .merge(trouble::routes())
        .merge(find::routes())
        .merge(thing::routes())
        .merge(compare::routes())
        .merge(restore::routes())
        .merge(moments::routes())
        .merge(live::routes())
        .fallback(|| async { Refusal::NoSuchPage })
        .method_not_allowed_fallback(|| async { Refusal::NoSuchPage })
        .layer(axum::middleware::from_fn_with_state(house.door.clone(), guard))
        .with_state(house)
}

/// An answer: a page, or why there is none.
type Answer = Result<Response, Refusal>;

/// A page of this template.
fn page(template: &impl Template) -> Answer {
    let text = template.render().map_err(|error| Refusal::Broken(error.to_string()))?;
    Ok(Html(text).into_response())
}

impl House {
    /// The frame of a page for `visitor`.
    async fn frame(self: &Arc<Self>, visitor: &Visitor, tab: Tab) -> Frame {
        let overview = self.office.overview().await;
        Frame::new(tab, &visitor.0, self.office.practice(), overview.as_deref(), self.office.desk.busy())
    }
}
