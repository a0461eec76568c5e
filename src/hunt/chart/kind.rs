//! The kinds of charts, by the names `render` gives them, and the properties it takes.

use crate::hunt::Render;

/// How a result is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Values over time, as lines.
    Time,
    /// Values over numbers, as lines.
    Line,
    /// Standing bars.
    Column,
    /// Lying bars.
    Bar,
    /// Lines with the ground below them filled.
    Area,
    /// Points.
    Scatter,
    /// Shares of a whole.
    Pie,
    /// A time chart with its anomalies marked.
    Anomaly,
    /// The first row as figures.
    Card,
}

/// What stands upon what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stack {
    /// Each series stands on the axis.
    #[default]
    None,
    /// On one another.
    Stacked,
    /// On one another, each slot being 100 %.
    Full,
}

/// One way to draw: what a key goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Look {
    /// The kind.
    pub kind: Kind,
    /// What stands upon what.
    pub stack: Stack,
}

/// Every look with its name on screen, in the order a key goes through them.
pub const LOOKS: &[(Look, &str)] = &[
    (look(Kind::Time, Stack::None), "time chart"),
    (look(Kind::Line, Stack::None), "line chart"),
    (look(Kind::Column, Stack::None), "column chart"),
    (look(Kind::Column, Stack::Stacked), "columns, stacked"),
    (look(Kind::Column, Stack::Full), "columns, stacked to 100 %"),
    (look(Kind::Bar, Stack::None), "bar chart"),
    (look(Kind::Bar, Stack::Stacked), "bars, stacked"),
    (look(Kind::Bar, Stack::Full), "bars, stacked to 100 %"),
    (look(Kind::Area, Stack::None), "area chart"),
    (look(Kind::Area, Stack::Stacked), "areas, stacked"),
    (look(Kind::Area, Stack::Full), "areas, stacked to 100 %"),
    (look(Kind::Pie, Stack::None), "pie, as proportions"),
    (look(Kind::Scatter, Stack::None), "scatter chart"),
    (look(Kind::Anomaly, Stack::None), "anomaly chart"),
    (look(Kind::Card, Stack::None), "card"),
];

const fn look(kind: Kind, stack: Stack) -> Look {
    Look { kind, stack }
}

/// The kinds of `render`, what each is drawn as. What is missing here is not drawn.
const NAMES: &[(&str, Look)] = &[
    ("timechart", look(Kind::Time, Stack::None)),
    ("linechart", look(Kind::Line, Stack::None)),
    ("columnchart", look(Kind::Column, Stack::None)),
    ("barchart", look(Kind::Bar, Stack::None)),
    ("areachart", look(Kind::Area, Stack::None)),
    ("stackedareachart", look(Kind::Area, Stack::Stacked)),
    ("piechart", look(Kind::Pie, Stack::None)),
    ("scatterchart", look(Kind::Scatter, Stack::None)),
    ("anomalychart", look(Kind::Anomaly, Stack::None)),
    ("card", look(Kind::Card, Stack::None)),
];

impl Look {
    /// Its name on screen.
    pub fn name(self) -> &'static str {
        let row = LOOKS.iter().find(|(look, _)| *look == self);
        row.map_or("chart", |(_, name)| name)
    }

    /// What `render` asks for; `None` for a kind that is not drawn, `table` among them.
    pub fn of(render: &Render) -> Option<Self> {
        let (_, mut look) = *NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&render.kind))?;
        if matches!(look.kind, Kind::Column | Kind::Bar | Kind::Area)
            && let Some(kind) = render.property("kind")
        {
            look.stack = match kind.to_ascii_lowercase().as_str() {
                "stacked" => Stack::Stacked,
                "stacked100" => Stack::Full,
                "unstacked" => Stack::None,
                _ => look.stack,
            };
        }
        Some(look)
    }

    /// The next one, going round.
    #[must_use]
    pub fn next(self) -> Self {
        let at = LOOKS.iter().position(|(look, _)| *look == self);
        LOOKS[at.map_or(0, |at| (at + 1) % LOOKS.len())].0
    }
}

impl Render {
    /// The value of a property, its name in any case.
    pub fn property(&self, name: &str) -> Option<&str> {
        let found = self
            .properties
            .iter()
            .find(|(it, _)| it.eq_ignore_ascii_case(name));
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A property that names columns.
    pub fn columns(&self, name: &str) -> Vec<&str> {
        let list = self.property(name).unwrap_or_default().split(',');
        list.map(str::trim).filter(|it| !it.is_empty()).collect()
    }

    /// A property that is a number.
    pub fn number(&self, name: &str) -> Option<f64> {
        let number = self.property(name)?.parse::<f64>().ok()?;
        number.is_finite().then_some(number)
    }

    /// Whether the result is wanted as rows.
    pub fn wants_rows(&self) -> bool {
        self.kind.eq_ignore_ascii_case("table")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hunt::language::render;

    #[test]
    fn a_render_says_its_look() {
        let of = |text: &str| Look::of(&render(text).expect("renders"));
        assert_eq!(
            of("T | render columnchart with (kind=stacked100)"),
            Some(look(Kind::Column, Stack::Full))
        );
        assert_eq!(
            of("T | render stackedareachart"),
            Some(look(Kind::Area, Stack::Stacked))
        );
        assert_eq!(of("T | render ladderchart"), None);
        let it = render("T | render timechart with (ycolumns=a, b, XColumn=t, series=x,ymin=-1.5)")
            .expect("renders");
        assert_eq!(it.columns("ycolumns"), ["a", "b"]);
        assert_eq!(it.property("xcolumn"), Some("t"));
        assert_eq!(it.number("ymin"), Some(-1.5));
    }

    #[test]
    fn going_through_the_looks_comes_round() {
        let mut at = LOOKS[0].0;
        for (look, name) in LOOKS {
            assert_eq!(at, *look);
            assert_eq!(at.name(), *name);
            at = at.next();
        }
        assert_eq!(at, LOOKS[0].0);
    }
}
