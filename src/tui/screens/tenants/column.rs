//! The tenant's column in lists of things of several tenants; it is there while more than one is shown.

use std::borrow::Cow;

use super::ink;
use crate::domain::TenantNo;
use crate::tui::data::Data;
use crate::tui::data::tenants::SHORT;
use crate::tui::screen::Ctx;
use crate::tui::widgets::table::{CellText, Column, Width};

/// A list's columns, and where among them the tenant's stands.
#[derive(Clone, Copy, Debug)]
pub(in crate::tui) struct Columns {
    own: &'static [Column],
    at: usize,
}

impl Columns {
    /// `own`, with the tenant's before the column `at`.
    pub(in crate::tui) const fn new(own: &'static [Column], at: usize) -> Self {
        Self { own, at }
    }

    /// Those to be drawn.
    pub(in crate::tui) fn all(self, data: &Data) -> Cow<'static, [Column]> {
        if data.tenants.only().is_some() {
            return Cow::Borrowed(self.own);
        }
        let mut all = self.own.to_vec();
        all.insert(self.at, Column::new("TENANT", Width::Fixed(SHORT as u16)));
        Cow::Owned(all)
    }

    /// Where one of its own stands among those drawn.
    pub(in crate::tui) fn place(self, own: usize, data: &Data) -> usize {
        own + usize::from(own >= self.at && data.tenants.only().is_none())
    }

    /// Which of its own is drawn at a place; none is the tenant's.
    pub(in crate::tui) fn own(self, place: usize, data: &Data) -> Option<usize> {
        if data.tenants.only().is_some() || place < self.at {
            return Some(place);
        }
        (place != self.at).then(|| place - 1)
    }

    /// The tenant's cell.
    pub(in crate::tui) fn cell(no: TenantNo, ctx: &Ctx<'_>) -> CellText<'static> {
        CellText::new(ctx.data.tenants.short(no).to_owned(), ctx.style(ink(no)))
    }
}
