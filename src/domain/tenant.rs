//! Whose a thing is, where several tenants are connected at once. An id alone is no id: two tenants
//! may both have an incident 4211.

use std::fmt;
use std::ops::Deref;

/// A tenant's place among the connected ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantNo(pub u16);

impl TenantNo {
    /// The same as an index.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The first so many.
    pub fn first(count: usize) -> impl ExactSizeIterator<Item = Self> + DoubleEndedIterator {
        // So many are never connected.
        (0..u16::try_from(count).unwrap_or(u16::MAX)).map(Self)
    }
}

/// Something of a tenant: an id, a row, an operation. Equal only where the tenant is the same;
/// shown as the thing itself, since the tenant is named beside it where there are several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Of<T> {
    /// Whose.
    pub tenant: TenantNo,
    /// The thing.
    pub it: T,
}

impl<T> Of<T> {
    /// The thing of a tenant.
    pub fn new(tenant: TenantNo, it: T) -> Self {
        Self { tenant, it }
    }

    /// Something else of the same tenant.
    pub fn with<U>(&self, it: U) -> Of<U> {
        Of::new(self.tenant, it)
    }
}

impl<T> Deref for Of<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.it
    }
}

impl<T: fmt::Display> fmt::Display for Of<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.it.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::super::IncidentId;
    use super::*;

    #[test]
    fn equal_ids_of_two_tenants_are_two() {
        let one = Of::new(TenantNo(0), IncidentId::from("4211"));
        let other = Of::new(TenantNo(1), IncidentId::from("4211"));
        assert_eq!(one.it, other.it);
        assert_ne!(one, other);
        let both = std::collections::HashSet::from([one.clone(), other]);
        assert_eq!(both.len(), 2);
        assert!(both.contains(&one.with("4211".into())));
    }
}
