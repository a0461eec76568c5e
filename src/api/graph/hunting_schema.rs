//! The hunting schema of the tenant (`graph-security` sheet, "Schema"): beta, global cloud.

use serde_json::Value;

use super::super::url::join;
use super::super::{ApiError, ApiErrorKind, Priority};
use super::{GraphClient, HUNT};

/// A table that can be queried: its name, and names and types of its columns in order.
pub type SchemaTable = (String, Vec<(String, String)>);

impl GraphClient {
    /// Every table that whoever is signed in may query. What of the answer is no table or column is
    /// passed over.
    ///
    /// # Errors
    /// Mostly 403 or 404: the operation is beta, and not offered in every cloud.
    pub async fn hunting_schema(&self) -> Result<Vec<SchemaTable>, ApiError> {
        let base = &self.transport.endpoints().graph;
        let url = join(base, &["beta", "security", "getHuntingSchema"])?;
        let mut call = Self::read("hunting.schema", url, Priority::Background, HUNT);
        // Nobody waits for it: what fails is asked again another day.
        call.attempts = 2;
        let answer = self.transport.send(call).await?;
        let value: Value = serde_json::from_slice(&answer.body)
            .map_err(|why| ApiError::local(ApiErrorKind::Decode, why.to_string()))?;
        tables(&value).ok_or_else(|| {
            ApiError::local(
                ApiErrorKind::Decode,
                "the answer is not a hunting schema".to_owned(),
            )
        })
    }
}

fn tables(answer: &Value) -> Option<Vec<SchemaTable>> {
    let text = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).map(str::to_owned);
    let tables = answer.get("tables")?.as_array()?;
    let table = |table: &Value| {
        let columns = table.get("columns")?.as_array()?;
        let columns = columns.iter().filter_map(|column| {
            Some((
                text(column, "name")?,
                text(column, "dataType").unwrap_or_default(),
            ))
        });
        Some((text(table, "name")?, columns.collect()))
    };
    Some(tables.iter().filter_map(table).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::tables;

    #[test]
    fn what_is_no_table_is_passed_over() {
        let answer = json!({"tables": [
            {"name": "T", "columns": [{"name": "a", "dataType": "long"}, {"name": "b"}, {"dataType": "x"}, 7]},
            {"name": null, "columns": []},
            {"name": "NoColumns"},
            "odd"
        ], "functions": {}});
        let found = tables(&answer).expect("a schema");
        let column = |name: &str, ty: &str| (name.to_owned(), ty.to_owned());
        assert_eq!(
            found,
            [("T".to_owned(), vec![column("a", "long"), column("b", "")])]
        );
        assert_eq!(tables(&json!({"error": {}})), None);
    }
}
