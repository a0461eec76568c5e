//! Functions that have a replacement, and tests that cannot answer.

use super::cx::Cx;
use super::rules::{NULL_TEXT, OLD_FUNCTION};
use crate::kql::Type;
use crate::kql::binder::Reference;
use crate::kql::builtins::{Kind, builtins};
use crate::kql::diagnostics::Fix;
use crate::kql::syntax::Call;

pub(super) fn call(cx: &mut Cx<'_>, call: &Call) {
    let (name, span) = (call.name.text.as_str(), call.name.span);
    if cx.reference(span) != Some(Reference::Function) {
        return;
    }
    null_text(cx, call);
    let old = [Kind::Function, Kind::Aggregate, Kind::PlugIn]
        .into_iter()
        .find_map(|kind| builtins().get(kind, name));
    let Some(new) = old.and_then(|b| b.obsolete) else {
        return;
    };
    // isnull of a string is spoken of already
    if cx
        .found
        .last()
        .is_some_and(|d| d.code == NULL_TEXT && d.span == span)
    {
        return;
    }
    let message = format!("{name} is obsolete; {new} takes its place.");
    let fix = cx.proved(Fix::replace(format!("Write {new}"), span, new));
    cx.say(OLD_FUNCTION, span, message, fix);
}

fn null_text(cx: &mut Cx<'_>, call: &Call) {
    let new = match call.name.text.as_str() {
        "isnull" => "isempty",
        "isnotnull" | "notnull" => "isnotempty",
        _ => return,
    };
    let [value] = call.args.as_slice() else {
        return;
    };
    let Some(column) = cx.column_of(value, Type::String) else {
        return;
    };
    let message = format!(
        "{} is a string, which is never null, only empty: {} says the same of every row.",
        column.text, call.name.text
    );
    let fix = Fix::replace(format!("Write {new}"), call.name.span, new);
    cx.say(NULL_TEXT, call.name.span, message, Some(fix));
}
