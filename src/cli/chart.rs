//! `nightjar hunt --chart`: a result as an SVG document.

use jiff::tz::TimeZone;

use super::failure::Failure;
use crate::domain::ResultTable;
use crate::hunt::Render;
use crate::hunt::chart::{self, Look, Subject, svg};

/// The document of a result, drawn as its query asks, else as suits it; times are UTC.
///
/// # Errors
/// A sentence saying why it cannot be drawn.
pub(super) fn svg(
    table: &ResultTable,
    render: Option<&Render>,
    as_of: Option<&str>,
) -> Result<String, Failure> {
    let render = render.filter(|it| !it.wants_rows());
    let subject = Subject {
        table,
        rows: None,
        render,
        focus: None,
    };
    let look = match render {
        Some(render) => Look::of(render).ok_or_else(|| {
            Failure::refused(format!("{} is a chart that is not drawn here", render.kind))
        })?,
        None => chart::suited(subject),
    };
    let chart = chart::build(subject, look).map_err(Failure::refused)?;
    let source = as_of.map_or_else(String::new, |at| format!("as of {at}"));
    Ok(svg::write(&chart, &source, &TimeZone::UTC))
}
