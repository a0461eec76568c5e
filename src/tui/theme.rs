//! Looks as data: code asks for a [`Role`], a theme file says what it looks like.
//!
//! A theme is a TOML file: `inherits` names another theme, `[palette]` names colours, `[styles]`
//! gives roles a style. A role without one takes its parent's (`severity.high` → `severity` →
//! `text`), so a theme can be ten lines. Terminals with fewer colours get the nearest they have;
//! `NO_COLOR` gets the monochrome theme of bold, reverse and underline.

use std::collections::BTreeMap;
use std::path::Path;

use ratatui::style::{Color, Modifier, Style};
use toml::de::{DeTable, DeValue};

use super::keymap::did_you_mean;

macro_rules! roles {
    ($($role:ident $name:literal $help:literal;)*) => {
        /// What a piece of the screen means.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Role {
            $(#[doc = $help] $role,)*
        }

        impl Role {
            /// Every role with its name in theme files.
            pub const ALL: &'static [(Role, &'static str)] = &[$((Role::$role, $name),)*];
        }
    };
}

roles! {
    Text "text" "Context: normal ink. The root every role falls back to.";
    Bright "text.bright" "What needs a decision.";
    Dim "text.dim" "Furniture: labels, units, what matters least.";
    Accent "accent" "The one accent: what has the focus.";
    Rule "rule" "The line between panes.";
    RuleFocused "rule.focused" "The line above the pane with the focus.";
    Title "title" "A pane's title on its rule.";
    Column "column" "A column's heading.";
    Header "header" "The first line of the screen.";
    Tenant "header.tenant" "The tenant's name in it.";
    Tenant1 "tenant.1" "A tenant's name, where there are several: the first, the ninth and so on.";
    Tenant2 "tenant.2" "The second.";
    Tenant3 "tenant.3" "The third.";
    Tenant4 "tenant.4" "The fourth.";
    Tenant5 "tenant.5" "The fifth.";
    Tenant6 "tenant.6" "The sixth.";
    Tenant7 "tenant.7" "The seventh.";
    Tenant8 "tenant.8" "The eighth.";
    ReadOnly "header.read-only" "The mark that no write is possible.";
    Demo "header.demo" "The mark that the tenant is simulated.";
    HintKey "hint.key" "A key on the last line.";
    Hint "hint" "What the key does.";
    Selected "selected" "The row under the cursor; laid over the row's own styles.";
    SelectedUnfocused "selected.unfocused" "The same in a pane without the focus.";
    Marked "marked" "The sign of a marked row.";
    New "new" "What is new since it was last looked at.";
    Match "match" "The characters a filter matched.";
    SeverityHigh "severity.high" "High.";
    SeverityMedium "severity.medium" "Medium.";
    SeverityLow "severity.low" "Low.";
    SeverityInformational "severity.informational" "Informational.";
    SeverityUnknown "severity.unknown" "Unknown, or a member we do not know.";
    StatusActive "status.active" "Nobody has begun.";
    StatusProgress "status.progress" "Somebody is at it.";
    StatusResolved "status.resolved" "Done.";
    SlaBreached "sla.breached" "The first action is overdue.";
    SlaSoon "sla.soon" "Less than a quarter of the time is left.";
    SlaOk "sla.ok" "There is time.";
    FeedLive "feed.live" "The feed is live.";
    FeedLagging "feed.lagging" "The feed is behind, or told to wait.";
    FeedOffline "feed.offline" "The feed is down.";
    VerdictMalicious "verdict.malicious" "Malicious.";
    VerdictSuspicious "verdict.suspicious" "Suspicious.";
    VerdictClean "verdict.clean" "No threats found.";
    VerdictUnknown "verdict.unknown" "No verdict.";
    ActionOpen "action.open" "A machine action that waits or runs.";
    ActionSucceeded "action.succeeded" "One that did what it should.";
    ActionFailed "action.failed" "One that failed, timed out, or whose outcome is unknown.";
    ActionCancelled "action.cancelled" "One that was cancelled.";
    NoticeInfo "notice.info" "A notice.";
    NoticeWarning "notice.warning" "A warning.";
    NoticeError "notice.error" "An error.";
    Popup "popup" "The ground of popups.";
    PopupBorder "popup.border" "Their edge.";
    PopupTitle "popup.title" "Their title.";
    Danger "danger" "The edge and title of a popup that takes something away from somebody.";
    Input "input" "A field to type into.";
    InputFocused "input.focused" "The one with the focus.";
    Good "good" "A fact in favour.";
    Bad "bad" "A fact against.";
    Tag "tag" "A tag.";
    Time "time" "A time of day.";
    Source "source" "A product's short name.";
    Tactic "tactic" "A tactic seen.";
    TacticMissing "tactic.missing" "A tactic not seen.";
    EntityDevice "entity.device" "A device.";
    EntityUser "entity.user" "A user or mailbox.";
    EntityFile "entity.file" "A file or process.";
    EntityNetwork "entity.network" "An address, name or link.";
    Null "grid.null" "A cell without a value.";
    Number "grid.number" "A number.";
    KqlKeyword "kql.keyword" "An operator keyword such as where.";
    KqlOperator "kql.operator" "A pipe, comparison or sign.";
    KqlFunction "kql.function" "A function or aggregate.";
    KqlTable "kql.table" "A table.";
    KqlColumn "kql.column" "A column.";
    KqlString "kql.string" "A string.";
    KqlNumber "kql.number" "A number, span, date or truth value.";
    KqlComment "kql.comment" "A comment.";
    KqlType "kql.type" "A type.";
    KqlVariable "kql.variable" "A name bound by let.";
    KqlError "kql.error" "Text with an error.";
    KqlWarning "kql.warning" "Text with a warning.";
    LineNumber "editor.line-number" "A line number.";
    Lit "editor.line-number.run" "The number of a line that will run.";
    Bracket "editor.bracket" "The bracket at the caret and the one that belongs to it.";
    Occurrence "editor.occurrence" "Another place of the name at the caret.";
    Found "editor.found" "A match of what is looked for.";
    FoundHere "editor.found.here" "The match in focus.";
    Chart "chart" "A series of a chart: what others share.";
    Chart1 "chart.1" "The first series.";
    Chart2 "chart.2" "The second.";
    Chart3 "chart.3" "The third.";
    Chart4 "chart.4" "The fourth.";
    Chart5 "chart.5" "The fifth.";
    Chart6 "chart.6" "The sixth.";
    Chart7 "chart.7" "The seventh.";
    Chart8 "chart.8" "The eighth.";
    ChartMark "chart.mark" "An anomaly.";
}

impl Role {
    /// Its name in theme files.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// How many colours the terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// 24 bit.
    True,
    /// 256.
    Indexed,
    /// 16.
    Ansi,
    /// None: `NO_COLOR`.
    None,
}

impl Depth {
    /// What the environment says (`NO_COLOR`, `COLORTERM`, `TERM`), given a way to read it.
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Self {
        if env("NO_COLOR").is_some_and(|value| !value.is_empty()) {
            return Self::None;
        }
        let term = env("TERM").unwrap_or_default();
        if term == "dumb" {
            return Self::None;
        }
        let colours = env("COLORTERM").unwrap_or_default();
        if colours.contains("truecolor") || colours.contains("24bit") || term.contains("direct") {
            Self::True
        } else if term.contains("256") || term.contains("kitty") || term.contains("alacritty") {
            Self::Indexed
        } else {
            Self::Ansi
        }
    }
}

/// A theme in force: a style for every role.
#[derive(Clone, Debug)]
pub struct Theme {
    /// Its name.
    pub name: String,
    styles: Vec<Style>,
}

impl Default for Theme {
    fn default() -> Self {
        Self::load("dark", None, Depth::True).0
    }
}

/// The themes the program carries.
pub const EMBEDDED: &[(&str, &str)] = &[
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("monochrome", include_str!("../../themes/monochrome.toml")),
];

impl Theme {
    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// Loads a theme by name: from `folder/NAME.toml` if there is one, else an embedded one.
    /// Never fails: what is wrong is told (file, line, nearest name), the rest is used.
    pub fn load(name: &str, folder: Option<&Path>, depth: Depth) -> (Self, Vec<String>) {
        let mut problems = Vec::new();
        let name = if depth == Depth::None {
            "monochrome"
        } else {
            name
        };
        let mut spec = Spec::default();
        read_chain(name, folder, &mut spec, &mut problems, 0);
        (spec.resolve(name, depth, &mut problems), problems)
    }
}

/// Reads a theme's bases first, then itself over them.
fn read_chain(
    name: &str,
    folder: Option<&Path>,
    spec: &mut Spec,
    problems: &mut Vec<String>,
    depth: usize,
) {
    if depth > 8 {
        problems.push(format!("theme `{name}` inherits in a circle"));
        return;
    }
    let user = folder.map(|folder| folder.join(format!("{name}.toml")));
    let read = user.filter(|path| path.is_file()).map(|path| {
        let text = std::fs::read_to_string(&path);
        (path.display().to_string(), text)
    });
    let (file, text) = match read {
        Some((file, Ok(text))) => (file, text),
        Some((file, Err(error))) => {
            problems.push(format!("{file}: cannot be read: {error}"));
            return;
        }
        #[expect(clippy::single_match_else, reason = "two cases of one question")]
        None => match EMBEDDED.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => (format!("themes/{name}.toml"), (*text).to_owned()),
            None => {
                let known = EMBEDDED.iter().map(|(known, _)| *known);
                problems.push(format!(
                    "no theme `{name}`{}; using dark",
                    did_you_mean(name, known)
                ));
                if depth == 0 {
                    read_chain("dark", None, spec, problems, depth + 1);
                }
                return;
            }
        },
    };
    let parsed = match DeTable::parse(&text) {
        Ok(parsed) => parsed,
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(&text, span.start));
            problems.push(format!("{file}:{line}: {}", error.message()));
            if depth == 0 && name != "dark" {
                read_chain("dark", None, spec, problems, depth + 1);
            }
            return;
        }
    };
    let table = parsed.get_ref();
    if let Some(base) = table.get("inherits").and_then(|v| v.get_ref().as_str()) {
        if base == name && folder.is_some() {
            // A user's `dark.toml` that inherits `dark` means the embedded one.
            read_chain(base, None, spec, problems, depth + 1);
        } else {
            read_chain(base, folder, spec, problems, depth + 1);
        }
    }
    spec.read(&file, &text, table, problems);
}

/// A theme as written: names not yet turned into colours, so that a heir can change the palette.
#[derive(Default)]
struct Spec {
    palette: BTreeMap<String, Color>,
    styles: BTreeMap<String, Written>,
}

#[derive(Clone)]
struct Written {
    foreground: Option<String>,
    background: Option<String>,
    modifiers: Modifier,
    place: String,
}

const MODIFIERS: [(&str, Modifier); 6] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
    ("strike", Modifier::CROSSED_OUT),
];

impl Spec {
    fn read(&mut self, file: &str, text: &str, table: &DeTable<'_>, problems: &mut Vec<String>) {
        for (key, value) in table {
            let line = line_of(text, key.span().start);
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("inherits" | "name", DeValue::String(_)) => {}
                ("palette", DeValue::Table(palette)) => {
                    for (name, value) in palette {
                        let line = line_of(text, name.span().start);
                        let colour = value.get_ref().as_str().and_then(parse_colour);
                        match colour {
                            Some(colour) => {
                                self.palette.insert(name.get_ref().to_string(), colour);
                            }
                            None => problems.push(format!(
                                "{file}:{line}: palette `{}`: expected \"#rrggbb\" or a terminal colour such as \"bright-red\"",
                                name.get_ref()
                            )),
                        }
                    }
                }
                ("styles", DeValue::Table(styles)) => {
                    for (name, value) in styles {
                        let line = line_of(text, name.span().start);
                        self.read_style(file, line, name.get_ref(), value.get_ref(), problems);
                    }
                }
                (other, _) => {
                    let known = ["inherits", "name", "palette", "styles"];
                    problems.push(format!(
                        "{file}:{line}: `{other}` is no part of a theme{}",
                        did_you_mean(other, known.into_iter())
                    ));
                }
            }
        }
    }

    fn read_style(
        &mut self,
        file: &str,
        line: usize,
        name: &str,
        value: &DeValue<'_>,
        problems: &mut Vec<String>,
    ) {
        let known = |name: &str| {
            let parent = format!("{name}.");
            Role::ALL
                .iter()
                .any(|(_, role)| *role == name || role.starts_with(&parent))
        };
        if !known(name) {
            let names = Role::ALL.iter().map(|(_, role)| *role);
            problems.push(format!(
                "{file}:{line}: no role `{name}`{}",
                did_you_mean(name, names)
            ));
            return;
        }
        let mut written = Written {
            foreground: None,
            background: None,
            modifiers: Modifier::empty(),
            place: format!("{file}:{line}"),
        };
        match value {
            DeValue::String(colour) => written.foreground = Some(colour.to_string()),
            DeValue::Table(fields) => {
                for (field, value) in fields {
                    let field = field.get_ref().as_ref();
                    let flag = MODIFIERS.iter().find(|(known, _)| *known == field);
                    match (field, value.get_ref(), flag) {
                        ("fg", DeValue::String(colour), _) => {
                            written.foreground = Some(colour.to_string());
                        }
                        ("bg", DeValue::String(colour), _) => {
                            written.background = Some(colour.to_string());
                        }
                        (_, DeValue::Boolean(on), Some((_, modifier))) => {
                            written.modifiers.set(*modifier, *on);
                        }
                        _ => {
                            let known = ["fg", "bg"]
                                .into_iter()
                                .chain(MODIFIERS.iter().map(|(name, _)| *name));
                            problems.push(format!(
                                "{file}:{line}: `{field}` of `{name}`: expected fg, bg (a colour) or bold, dim, italic, underline, reverse, strike (true or false){}",
                                did_you_mean(field, known)
                            ));
                        }
                    }
                }
            }
            _ => problems.push(format!(
                "{file}:{line}: `{name}`: expected a colour or a table such as {{ fg = \"red\", bold = true }}"
            )),
        }
        self.styles.insert(name.to_owned(), written);
    }

    fn resolve(&self, name: &str, depth: Depth, problems: &mut Vec<String>) -> Theme {
        let mut colour = |text: &str, place: &str| {
            let found = self
                .palette
                .get(text)
                .copied()
                .or_else(|| parse_colour(text));
            if found.is_none() {
                let known = self.palette.keys().map(String::as_str);
                problems.push(format!(
                    "{place}: no colour `{text}`{}",
                    did_you_mean(text, known)
                ));
            }
            found.map(|colour| downgrade(colour, depth))
        };
        let mut resolved: BTreeMap<&str, Style> = BTreeMap::new();
        for (name, written) in &self.styles {
            let mut style = Style::new().add_modifier(written.modifiers);
            if let Some(text) = &written.foreground {
                style.fg = colour(text, &written.place).or(style.fg);
            }
            if let Some(text) = &written.background {
                style.bg = colour(text, &written.place).or(style.bg);
            }
            if depth == Depth::None {
                style.fg = None;
                style.bg = None;
            }
            resolved.insert(name, style);
        }
        let styles = Role::ALL
            .iter()
            .map(|(_, name)| {
                let mut name = *name;
                loop {
                    if let Some(style) = resolved.get(name) {
                        return *style;
                    }
                    match name.rsplit_once('.') {
                        Some((parent, _)) => name = parent,
                        None => return resolved.get("text").copied().unwrap_or_default(),
                    }
                }
            })
            .collect();
        Theme {
            name: name.to_owned(),
            styles,
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(offset)
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

const ANSI: [(&str, Color, (u8, u8, u8)); 16] = [
    ("black", Color::Black, (0, 0, 0)),
    ("red", Color::Red, (205, 49, 49)),
    ("green", Color::Green, (13, 188, 121)),
    ("yellow", Color::Yellow, (205, 205, 16)),
    ("blue", Color::Blue, (36, 114, 200)),
    ("magenta", Color::Magenta, (188, 63, 188)),
    ("cyan", Color::Cyan, (17, 168, 205)),
    ("white", Color::Gray, (204, 204, 204)),
    ("bright-black", Color::DarkGray, (102, 102, 102)),
    ("bright-red", Color::LightRed, (241, 76, 76)),
    ("bright-green", Color::LightGreen, (35, 209, 139)),
    ("bright-yellow", Color::LightYellow, (245, 245, 67)),
    ("bright-blue", Color::LightBlue, (59, 142, 234)),
    ("bright-magenta", Color::LightMagenta, (214, 112, 214)),
    ("bright-cyan", Color::LightCyan, (41, 184, 219)),
    ("bright-white", Color::White, (255, 255, 255)),
];

fn parse_colour(text: &str) -> Option<Color> {
    if let Some(hex) = text.strip_prefix('#') {
        if hex.len() != 6 {
            return None;
        }
        let number = u32::from_str_radix(hex, 16).ok()?;
        return Some(Color::Rgb(
            (number >> 16) as u8,
            (number >> 8) as u8,
            number as u8,
        ));
    }
    if text == "default" {
        return Some(Color::Reset);
    }
    ANSI.iter()
        .find(|(name, _, _)| *name == text)
        .map(|(_, colour, _)| *colour)
}

/// The nearest colour the terminal has. Backgrounds near black or white become none on 16 colours
/// by the same rule: the nearest of the sixteen.
fn downgrade(colour: Color, depth: Depth) -> Color {
    let Color::Rgb(red, green, blue) = colour else {
        return colour;
    };
    let distance = |(r, g, b): (u8, u8, u8)| {
        let part = |a: u8, b: u8| (i32::from(a) - i32::from(b)).pow(2);
        // The eye is keener on green than on red, and least on blue.
        3 * part(r, red) + 4 * part(g, green) + 2 * part(b, blue)
    };
    match depth {
        Depth::True | Depth::None => colour,
        Depth::Indexed => {
            let level = |value: u8| -> u8 {
                match value {
                    0..=47 => 0,
                    48..=114 => 1,
                    value => (value - 35) / 40,
                }
            };
            let value = |level: u8| if level == 0 { 0 } else { 55 + level * 40 };
            let (r, g, b) = (level(red), level(green), level(blue));
            let cube = (16 + 36 * r + 6 * g + b, (value(r), value(g), value(b)));
            let mean = (u16::from(red) + u16::from(green) + u16::from(blue)) / 3;
            let step = (mean.saturating_sub(3) / 10).min(23) as u8;
            let shade = 8 + step * 10;
            let grey = (232 + step, (shade, shade, shade));
            let best = if distance(grey.1) < distance(cube.1) {
                grey
            } else {
                cube
            };
            Color::Indexed(best.0)
        }
        Depth::Ansi => {
            let best = ANSI.iter().min_by_key(|(_, _, rgb)| distance(*rgb));
            best.map_or(colour, |(_, colour, _)| *colour)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_theme_is_without_fault_at_every_depth() {
        for (name, _) in EMBEDDED {
            for depth in [Depth::True, Depth::Indexed, Depth::Ansi, Depth::None] {
                let (theme, problems) = Theme::load(name, None, depth);
                assert_eq!(problems, Vec::<String>::new(), "{name}");
                assert_eq!(theme.styles.len(), Role::ALL.len());
            }
        }
    }

    #[test]
    fn role_names_are_unique_and_in_order() {
        for (index, (role, name)) in Role::ALL.iter().enumerate() {
            assert_eq!(*role as usize, index);
            assert_eq!(
                Role::ALL.iter().filter(|(_, n)| n == name).count(),
                1,
                "{name}"
            );
        }
    }

    #[test]
    fn meaning_survives_without_colour() {
        let (theme, _) = Theme::load("dark", None, Depth::None);
        assert_eq!(theme.name, "monochrome");
        for (role, name) in Role::ALL {
            let style = theme.style(*role);
            assert!(style.fg.is_none() && style.bg.is_none(), "{name}");
        }
        assert!(
            theme
                .style(Role::Selected)
                .add_modifier
                .contains(Modifier::REVERSED)
        );
        assert_ne!(
            theme.style(Role::SeverityHigh),
            theme.style(Role::SeverityLow)
        );
    }

    #[test]
    fn a_users_file_inherits_changes_the_palette_and_is_told_its_mistakes() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = "inherits = \"dark\"\n[palette]\nred = \"#010203\"\n[styles]\n\
                    \"severity.hihg\" = \"red\"\n\"severity.high\" = { fg = \"red\", blod = true }\n\
                    \"accent\" = \"no-such\"\n";
        std::fs::write(folder.path().join("mine.toml"), text).expect("written");
        let (theme, problems) = Theme::load("mine", Some(folder.path()), Depth::True);
        assert_eq!(
            theme.style(Role::SeverityHigh).fg,
            Some(Color::Rgb(1, 2, 3))
        );
        assert_eq!(problems.len(), 3, "{problems:#?}");
        for (line, name) in [(5, "`severity.high`"), (6, "`bold`"), (7, "no-such")] {
            let place = format!("mine.toml:{line}:");
            let told = |problem: &String| problem.contains(&place) && problem.contains(name);
            assert!(problems.iter().any(told), "{line}: {problems:#?}");
        }
    }

    #[test]
    fn a_broken_or_missing_file_falls_back_to_dark() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("broken.toml"), "a = 1\n[palette\n").expect("written");
        let (theme, problems) = Theme::load("broken", Some(folder.path()), Depth::True);
        assert!(problems[0].contains("broken.toml:2"), "{problems:?}");
        assert_eq!(
            theme.style(Role::Accent),
            Theme::default().style(Role::Accent)
        );
        let (theme, problems) = Theme::load("drak", None, Depth::True);
        assert!(problems[0].contains("did you mean `dark`"), "{problems:?}");
        assert_eq!(
            theme.style(Role::Accent),
            Theme::default().style(Role::Accent)
        );
    }

    #[test]
    fn sixteen_colours_are_enough() {
        let (theme, _) = Theme::load("dark", None, Depth::Ansi);
        for (role, name) in Role::ALL {
            let style = theme.style(*role);
            for colour in [style.fg, style.bg].into_iter().flatten() {
                assert!(
                    !matches!(colour, Color::Rgb(..) | Color::Indexed(_)),
                    "{name}"
                );
            }
        }
        assert_eq!(theme.style(Role::SeverityHigh).fg, Some(Color::LightRed));
    }
}
