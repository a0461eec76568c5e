//! What the tenants answered when they were asked for their hunting schema.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::TenantNo;
use crate::hunt::SharedSchema;
use crate::kql::schema::Learnt;

/// The schemas of all tenants.
#[derive(Debug, Default)]
pub struct Schemas {
    of: BTreeMap<TenantNo, Arc<Learnt>>,
    shown: Vec<TenantNo>,
    shared: SharedSchema,
}

impl Schemas {
    /// Takes in all that is known of a tenant.
    pub fn put(&mut self, tenant: TenantNo, learnt: Arc<Learnt>) {
        if self.of.get(&tenant) != Some(&learnt) {
            self.of.insert(tenant, learnt);
            self.merge();
        }
    }

    /// Only these tenants count.
    pub fn show(&mut self, tenants: Vec<TenantNo>) {
        if self.shown != tenants {
            self.shown = tenants;
            self.merge();
        }
    }

    /// The documented schema with what the tenants shown have.
    pub fn shared(&self) -> &SharedSchema {
        &self.shared
    }

    fn merge(&mut self) {
        let shown = self.shown.iter().filter_map(|tenant| self.of.get(tenant));
        self.shared = SharedSchema::of(shown.map(|learnt| &**learnt));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::Type;
    use crate::kql::bound::Column;

    #[test]
    fn the_tenants_shown_count_and_nobody_else() {
        let learnt = |table: &str| {
            let columns = Some(vec![Column::new("a", Type::Long)]);
            let tables = [(table.to_owned(), columns)].into();
            Arc::new(Learnt { tables })
        };
        let mut schemas = Schemas::default();
        let documented = schemas.shared().clone();
        schemas.put(TenantNo(0), learnt("Zero_CL"));
        assert!(
            schemas.shared().table("Zero_CL").is_none(),
            "it is not shown"
        );
        schemas.show(vec![TenantNo(0), TenantNo(1)]);
        schemas.put(TenantNo(1), learnt("One_CL"));
        for table in ["Zero_CL", "One_CL", "DeviceInfo"] {
            assert!(schemas.shared().table(table).is_some(), "{table}");
        }
        let before = schemas.shared().clone();
        schemas.put(TenantNo(1), learnt("One_CL"));
        assert!(
            schemas.shared().is(&before),
            "the same again changes nothing"
        );
        schemas.show(vec![TenantNo(1)]);
        assert!(schemas.shared().table("Zero_CL").is_none());
        schemas.show(Vec::new());
        assert!(schemas.shared().is(&documented));
    }
}
