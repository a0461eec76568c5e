//! The document of a hunting result, in the spelling of the service.

use std::ops::ControlFlow;

use serde_json::Value as Json;

use super::super::METADATA;
use crate::engine::{Column, RowSink, Type, Value, to_text};
use crate::sim::clock;
use crate::sim::json::{self, push_str};

/// The document of a result, written as rows come.
#[derive(Debug, Default)]
pub struct Document {
    out: Vec<u8>,
    /// `"Name":` of each column, the name alone, its type.
    columns: Vec<(String, String, Type)>,
    rows: usize,
    /// Bytes it may have; `None` is as many as it takes.
    most: Option<usize>,
    /// It would have had more.
    pub too_large: bool,
}

/// The .NET name of a type, as `schema` has it.
fn net_type(ty: Type) -> &'static str {
    match ty {
        // Booleans are told as numbers of a byte.
        Type::Bool => "SByte",
        Type::Int => "Int32",
        Type::Long => "Int64",
        Type::Real => "Double",
        Type::Decimal => "SqlDecimal",
        Type::DateTime => "DateTime",
        Type::TimeSpan => "TimeSpan",
        Type::Guid => "Guid",
        Type::String => "String",
        Type::Dynamic | Type::TypeLiteral | Type::Null | Type::Unknown => "Object",
    }
}

impl RowSink for Document {
    fn columns(&mut self, columns: &[Column]) {
        self.out.extend_from_slice(b"{\"@odata.context\":\"");
        self.out.extend_from_slice(METADATA.as_bytes());
        self.out
            .extend_from_slice(b"microsoft.graph.security.huntingQueryResults\",\"schema\":[");
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(b"{\"name\":");
            push_str(&mut self.out, &column.name);
            self.out.extend_from_slice(b",\"type\":\"");
            self.out.extend_from_slice(net_type(column.ty).as_bytes());
            self.out.extend_from_slice(b"\"}");
            self.columns.push((
                format!("{}:", json::quoted(&column.name)),
                column.name.clone(),
                column.ty,
            ));
        }
        self.out.extend_from_slice(b"],\"results\":[");
    }

    fn row(&mut self, row: Vec<Value>) -> ControlFlow<()> {
        self.out
            .extend_from_slice(if self.rows == 0 { b"{" } else { b",{" });
        self.rows += 1;
        for (at, (value, (key, name, ty))) in row.iter().zip(&self.columns).enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            let annotation = match value {
                Value::Bool(_) => Some("#SByte"),
                Value::Long(_) => Some("#Int64"),
                Value::Guid(_) => Some("#Guid"),
                Value::Decimal(_) => Some("#Decimal"),
                Value::Dynamic(text) if text.starts_with('[') => Some("#Collection(String)"),
                _ => None,
            };
            if let Some(annotation) = annotation {
                push_str(&mut self.out, &format!("{name}@odata.type"));
                self.out.push(b':');
                push_str(&mut self.out, annotation);
                self.out.push(b',');
            }
            self.out.extend_from_slice(key.as_bytes());
            push_value(&mut self.out, value, *ty);
        }
        self.out.push(b'}');
        if self.most.is_some_and(|most| self.out.len() > most) {
            self.too_large = true;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

impl Document {
    /// An empty one that may have so many bytes.
    pub fn new(most: Option<usize>) -> Self {
        Self {
            most,
            ..Self::default()
        }
    }

    /// The whole document.
    pub fn finish(mut self) -> Vec<u8> {
        self.out.extend_from_slice(b"]}");
        self.out
    }
}

fn push_value(out: &mut Vec<u8>, value: &Value, ty: Type) {
    match value {
        // The service sends an empty object where these are null.
        Value::Null if matches!(ty, Type::DateTime | Type::Dynamic) => out.extend_from_slice(b"{}"),
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(yes) => out.push(if *yes { b'1' } else { b'0' }),
        Value::Int(n) => json::push_int(out, i64::from(*n)),
        Value::Long(n) => json::push_int(out, *n),
        Value::Real(n) if n.is_finite() => {
            out.extend_from_slice(serde_json::json!(n).to_string().as_bytes());
        }
        Value::Real(_) | Value::TimeSpan(_) => push_str(out, &to_text(value)),
        Value::Decimal(text) => out.extend_from_slice(text.as_bytes()),
        Value::DateTime(at) => {
            out.push(b'"');
            clock::push_graph(out, *at);
            out.push(b'"');
        }
        Value::String(text) | Value::Guid(text) => push_str(out, text),
        Value::Dynamic(text) => match serde_json::from_str::<Json>(text) {
            Ok(Json::Object(map)) => {
                out.extend_from_slice(
                    b"{\"@odata.type\":\"#microsoft.graph.security.dynamicColumnValue\"",
                );
                for (name, value) in map {
                    out.push(b',');
                    push_str(out, &name);
                    out.push(b':');
                    out.extend_from_slice(value.to_string().as_bytes());
                }
                out.push(b'}');
            }
            // An array comes as texts, each of which is JSON.
            Ok(Json::Array(list)) => {
                let texts: Vec<String> = list
                    .into_iter()
                    .map(|item| match item {
                        Json::String(text) => text,
                        other => other.to_string(),
                    })
                    .collect();
                json::push_list(out, &texts);
            }
            Ok(other) => out.extend_from_slice(other.to_string().as_bytes()),
            Err(_) => push_str(out, text),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_written_as_the_service_does() {
        let mut document = Document::default();
        let column = |name: &str, ty| Column::new(name, ty);
        document.columns(&[
            column("A", Type::Bool),
            column("B", Type::Long),
            column("C", Type::DateTime),
            column("D", Type::Dynamic),
            column("E", Type::Dynamic),
            column("F", Type::String),
        ]);
        let _ = document.row(vec![
            Value::Bool(true),
            Value::Long(7),
            Value::Null,
            Value::Dynamic("{\"x\":1}".into()),
            Value::Dynamic("[\"p\",{\"q\":2}]".into()),
            Value::String("a\u{1b}\"".into()),
        ]);
        let value: Json = serde_json::from_slice(&document.finish()).expect("JSON");
        assert_eq!(
            value["schema"][0],
            serde_json::json!({"name": "A", "type": "SByte"})
        );
        let row = &value["results"][0];
        assert_eq!(
            (&row["A"], &row["A@odata.type"]),
            (&Json::from(1), &Json::from("#SByte"))
        );
        assert_eq!(row["C"], serde_json::json!({}));
        assert_eq!(
            row["D"]["@odata.type"],
            "#microsoft.graph.security.dynamicColumnValue"
        );
        assert_eq!(row["E"], serde_json::json!(["p", "{\"q\":2}"]));
        assert_eq!(row["F"], "a\u{1b}\"");
    }
}
