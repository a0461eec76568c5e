//! Every command of the console: one table drives dispatch, the hint line, `?` help, the `:`
//! palette and the key table of the documentation.
//!
//! A new command is one row here and one `match` arm in the screen (or in `update`) that does it.
//! The walk in `commands/tests.rs` refuses double names, key clashes inside a scope, keys some
//! terminals cannot send and rows without help.

use std::fmt::Write as _;

use super::keys::{self, Chord};

/// Where a command works. Keys are looked up from the innermost scope outwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Everywhere, popups and text included.
    Anywhere,
    /// Any screen that is not typing text.
    Main,
    /// Any list with a cursor.
    List,
    /// A list of things that have an owner, a status, devices or a portal page.
    Items,
    /// The incident queue.
    Incidents,
    /// A list of alerts.
    Alerts,
    /// The entity tree of an alert or incident.
    Evidence,
    /// Hunt: the results grid.
    Grid,
    /// Hunt: a result as a chart.
    Chart,
    /// Hunt: the values of a column beside the grid.
    Groups,
    /// Hunt: query and results alike.
    Hunt,
    /// Machine actions.
    Actions,
    /// The console's own audit.
    Journal,
    /// The message log.
    Messages,
    /// The tenants.
    Tenants,
    /// The doctor's report.
    Doctor,
    /// The first screen of a console without a profile.
    FirstRun,
    /// Hunt: the schema tree, narrowed by typing.
    Schema,
    /// Typing text: printable keys go to the text.
    Text,
    /// Hunt: the query editor.
    Editor,
    /// Hunt: words are offered in the editor.
    Completion,
    /// Hunt: the editor in vim's normal and visual modes.
    Vim,
    /// Hunt: looking for a text in the editor.
    Find,
    /// A popup that shows or asks something.
    Popup,
    /// A popup with a list to choose from.
    Picker,
    /// A popup with a dynamic cell as a tree.
    Json,
    /// A popup with queries to choose from.
    Queries,
    /// A popup with results that are kept.
    Kept,
    /// A popup with fields to fill in.
    Form,
    /// The popup a person signs in in.
    SignIn,
    /// The condition a list is filtered by, while it is typed.
    Predicate,
    /// Words are offered there.
    PredicateWords,
    /// A popup with kept filters to choose from.
    Views,
}

impl Scope {
    /// Every scope with its name in configuration and its title in help.
    pub const ALL: [(Scope, &'static str, &'static str); 33] = [
        (Scope::Anywhere, "anywhere", "Everywhere"),
        (Scope::Main, "main", "Every screen"),
        (Scope::List, "list", "Lists"),
        (Scope::Items, "items", "Incidents, alerts, entities, rows"),
        (Scope::Incidents, "incidents", "Incidents"),
        (Scope::Alerts, "alerts", "Alerts"),
        (Scope::Evidence, "evidence", "Evidence"),
        (Scope::Grid, "grid", "Hunt results"),
        (Scope::Chart, "chart", "Hunt chart"),
        (Scope::Groups, "groups", "Hunt values of a column"),
        (Scope::Hunt, "hunt", "Hunt"),
        (Scope::Actions, "actions", "Actions"),
        (Scope::Journal, "journal", "Journal"),
        (Scope::Messages, "messages", "Messages"),
        (Scope::Tenants, "tenants", "Tenants"),
        (Scope::Doctor, "doctor", "Doctor"),
        (Scope::FirstRun, "first-run", "First screen"),
        (Scope::Schema, "schema", "Hunt schema"),
        (Scope::Text, "text", "Typing"),
        (Scope::Editor, "editor", "Hunt editor"),
        (Scope::Completion, "completion", "Hunt completion"),
        (Scope::Vim, "vim", "Hunt editor, vim's normal mode"),
        (Scope::Find, "find", "Hunt editor, finding"),
        (Scope::Popup, "popup", "Popups"),
        (Scope::Picker, "picker", "Choosing"),
        (Scope::Json, "json", "A dynamic cell"),
        (Scope::Queries, "queries", "Choosing a query"),
        (Scope::Kept, "kept", "Kept results"),
        (Scope::Form, "form", "Filling in"),
        (Scope::SignIn, "sign-in", "Signing in"),
        (Scope::Predicate, "predicate", "Filtering with KQL"),
        (Scope::PredicateWords, "predicate-words", "KQL filter words"),
        (Scope::Views, "views", "Kept filters"),
    ];

    /// The scope whose keys also work here.
    pub fn parent(self) -> Option<Scope> {
        match self {
            Self::Anywhere => None,
            Self::Main | Self::Text | Self::Popup | Self::Hunt => Some(Self::Anywhere),
            Self::List | Self::FirstRun => Some(Self::Main),
            Self::Items
            | Self::Actions
            | Self::Journal
            | Self::Messages
            | Self::Tenants
            | Self::Chart
            | Self::Groups
            | Self::Doctor => Some(Self::List),
            Self::Incidents | Self::Alerts | Self::Evidence | Self::Grid => Some(Self::Items),
            Self::Editor | Self::Find | Self::Schema => Some(Self::Text),
            Self::Completion | Self::Vim => Some(Self::Editor),
            Self::Picker | Self::SignIn => Some(Self::Popup),
            Self::Queries | Self::Json | Self::Kept | Self::Views => Some(Self::Picker),
            Self::Form | Self::Predicate | Self::PredicateWords => Some(Self::Text),
        }
    }

    /// This scope and those whose keys also work here, innermost first. The two halves of the
    /// hunting screen, one a list and one a text, share the keys of [`Scope::Hunt`].
    pub fn chain(self) -> impl Iterator<Item = Scope> {
        let outer = std::iter::successors(Some(self), |scope| scope.parent());
        outer.flat_map(|scope| {
            let shared = matches!(
                scope,
                Self::Grid | Self::Chart | Self::Groups | Self::Editor | Self::Schema
            )
            .then_some(Scope::Hunt);
            std::iter::once(scope).chain(shared)
        })
    }

    /// Its name in configuration.
    pub fn name(self) -> &'static str {
        let row = Self::ALL.iter().find(|(scope, _, _)| *scope == self);
        row.map_or("", |(_, name, _)| name)
    }

    /// Its title in help.
    pub fn title(self) -> &'static str {
        let row = Self::ALL.iter().find(|(scope, _, _)| *scope == self);
        row.map_or("", |(_, _, title)| title)
    }

    /// The scope a name in configuration means.
    pub fn parse(name: &str) -> Option<Self> {
        let row = Self::ALL.iter().find(|(_, known, _)| *known == name);
        row.map(|(scope, _, _)| *scope)
    }
}

/// What a command can do to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Danger {
    /// Looks only.
    None,
    /// Changes something at the service that `u` undoes, or adds a word to it.
    Low,
    /// Changes something at the service that costs time or money.
    Medium,
    /// Takes something away from somebody: asks for a typed confirmation.
    High,
}

/// A row of the table.
#[derive(Debug)]
pub struct Spec {
    /// What it is to the program.
    pub command: Command,
    /// Its name in configuration and palette.
    pub name: &'static str,
    /// Its title in help and palette.
    pub title: &'static str,
    /// Its word on the hint line; empty where it is never hinted.
    pub hint: &'static str,
    /// Where it works.
    pub scope: Scope,
    /// What it can do to the world. Read-only mode refuses all but [`Danger::None`].
    pub danger: Danger,
    /// Its keys as delivered, the first of them shown in hints.
    pub keys: &'static [&'static str],
    /// One sentence.
    pub help: &'static str,
}

macro_rules! commands {
    ($($scope:ident { $($command:ident $name:literal $title:literal $hint:literal $danger:ident [$($key:literal),*] $help:literal;)* })*) => {
        /// A command, by which `match` arms know it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Command {
            $($(#[doc = $help] $command,)*)*
        }

        /// The table, grouped by scope; the order inside a scope is the order of hints and help.
        pub static COMMANDS: &[Spec] = &[
            $($(Spec {
                command: Command::$command,
                name: $name,
                title: $title,
                hint: $hint,
                scope: Scope::$scope,
                danger: Danger::$danger,
                keys: &[$($key),*],
                help: $help,
            },)*)*
        ];
    };
}

commands! {
    Incidents {
        IncidentOpen "incident-open" "Open the incident" "open" None ["enter"] "Shows the incident's alerts in full.";
        IncidentEvidence "incident-evidence" "Evidence of the incident" "evidence" None ["e"] "Shows the entities of all its alerts as a tree by kind.";
        NextBreach "next-breach" "Next to breach" "next due" None ["n"] "Goes to the open incident whose first action falls due next and that is nobody's or yours.";
        ToggleOpen "toggle-open" "Open ones only, or all" "" None ["z o"] "Switches between open incidents and all of them.";
        ToggleMine "toggle-mine" "Mine only, or everybody's" "" None ["z m"] "Switches between your incidents and everybody's.";
        GroupTenants "group-tenants" "Group by tenant" "" None ["z g"] "Puts the incidents of each tenant together, or takes that back.";
        StoryDown "story-down" "Scroll the story down" "" None ["J"] "Scrolls the story of the incident in focus.";
        StoryUp "story-up" "Scroll the story up" "" None ["K"] "Scrolls the story of the incident in focus back.";
    }
    Alerts {
        AlertOpen "alert-open" "Open the alert" "evidence" None ["enter", "e"] "Shows the alert's evidence as a tree by kind.";
        AlertIncident "alert-incident" "Go to its incident" "incident" None ["i"] "Shows the incident the alert belongs to in the queue.";
        AlertDown "alert-down" "Scroll the alert down" "" None ["J"] "Scrolls the description of the alert in focus.";
        AlertUp "alert-up" "Scroll the alert up" "" None ["K"] "Scrolls the description of the alert in focus back.";
        ToggleOpenAlerts "toggle-open-alerts" "Open ones only, or all" "" None ["z o"] "Switches between open alerts and all of them.";
    }
    Evidence {
        EntityOpen "entity-open" "Expand or collapse" "open" None ["enter"] "Opens or closes the branch in focus.";
        EntityCollapse "entity-collapse" "Collapse" "" None ["left", "h"] "Closes the branch, or goes to its parent.";
        EntityExpand "entity-expand" "Expand" "" None ["right", "l"] "Opens the branch.";
        EntityElsewhere "entity-elsewhere" "Where else" "where else" None ["w"] "Lists other alerts and incidents with the same hash, address, link or user.";
        EntityMail "entity-mail" "Delivery and authentication" "mail facts" None ["d"] "Hunts for what the alert does not carry of the mail in focus: SPF, DKIM, DMARC, links, attachments, later moves.";
        EntitySource "entity-source" "Source JSON" "source" None ["J"] "Shows the entity as the service sent it.";
        DetailDown "detail-down" "Scroll details down" "" None ["ctrl-d"] "Scrolls the details of the entity in focus.";
        DetailUp "detail-up" "Scroll details up" "" None ["ctrl-u"] "Scrolls the details of the entity in focus back.";
    }
    Grid {
        GridInspect "grid-inspect" "Inspect the row" "inspect" None ["enter"] "Shows the row as a list of fields, JSON unfolded.";
        GridLeft "grid-left" "Column to the left" "" None ["left", "h"] "Moves the column cursor left.";
        GridRight "grid-right" "Column to the right" "" None ["right", "l"] "Moves the column cursor right.";
        GridSort "grid-sort" "Sort by this column" "sort" None ["s"] "Sorts by the column in focus: up, down, as it came.";
        GridChart "grid-chart" "Draw as a chart" "chart" None ["v"] "Shows the result as a chart: as the query asks with `render`, else as suits it.";
        GridGroups "grid-groups" "Values of this column" "values" None ["b"] "Lists the values of the column in focus with their counts beside the rows.";
        GridEntities "grid-entities" "What the rows name" "entities" None ["e"] "Lists the devices, users, files, messages and addresses of the rows marked, else the row in focus, with what can be done.";
        GridQuery "grid-query" "A query of the rows" "" None ["Q"] "Writes the rows marked, else the row in focus, into a new query: as a list, a condition or a `datatable`.";
        GridCompare "grid-compare" "Compare with the run before" "" None ["d"] "Shows the rows that came, went or changed since the query was run the time before.";
        GridStats "grid-stats" "Statistics of this column" "" None ["B"] "Shows least, greatest, mean, percentiles and nulls of the column in focus.";
        GridKeep "grid-keep" "Only rows with this value" "" None ["="] "Keeps the rows with the value in focus; `esc` takes that back.";
        GridDrop "grid-drop" "No rows with this value" "" None ["~"] "Leaves out the rows with the value in focus; `esc` takes that back.";
        GridJson "grid-json" "The cell as a tree" "" None ["J"] "Unfolds the dynamic cell in focus, to be searched and copied from.";
        GridMarkAll "grid-mark-all" "Mark all rows shown" "" None ["M"] "Marks every row that is shown.";
        GridPin "grid-pin" "Pin this column" "" None ["p"] "Keeps the column in focus at the left, or lets it go.";
        GridMoveLeft "grid-move-left" "Move the column left" "" None ["<"] "Moves the column in focus one place to the left.";
        GridMoveRight "grid-move-right" "Move the column right" "" None [">"] "Moves the column in focus one place to the right.";
        GridHide "grid-hide" "Hide this column" "" None ["-"] "Hides the column in focus.";
        GridShowAll "grid-show-all" "Show all columns" "" None ["+"] "Shows hidden columns again.";
        GridExportCsv "grid-export-csv" "Export as CSV" "export" None ["E c"] "Writes the rows as shown to a CSV file, formulas disarmed.";
        GridExportJson "grid-export-json" "Export as JSON" "" None ["E j"] "Writes the rows as shown to a JSON file.";
        GridExportJsonl "grid-export-jsonl" "Export as JSON lines" "" None ["E l"] "Writes the rows as shown to a file of JSON lines.";
        GridCopyRow "grid-copy-row" "Copy the row" "" None ["C"] "Copies the row in focus as JSON.";
        GridFirst "grid-first" "First column" "" None ["0"] "Moves the column cursor to the first column.";
        GridLast "grid-last" "Last column" "" None ["$"] "Moves the column cursor to the last column.";
        GridTakeLocal "take-local" "Take it local" "" None ["T"] "Goes on with the result here: a tab that asks its rows, without another call of the service.";
        GridEditor "grid-editor" "Back to the query" "query" None ["i"] "Puts the cursor back into the query.";
    }
    Chart {
        ChartNext "chart-next" "Draw it another way" "next kind" None ["v"] "Goes through the kinds of charts.";
        ChartKind "chart-kind" "Choose the kind" "kind" None ["V"] "Chooses among the kinds of charts.";
        ChartLeft "chart-left" "Left" "" None ["left", "h"] "Moves the cursor along the chart to the left; in a list, to the series before.";
        ChartRight "chart-right" "Right" "" None ["right", "l"] "Moves the cursor along the chart to the right; in a list, to the next series.";
        ChartFirst "chart-first" "To the beginning" "" None ["0"] "Moves the cursor to the first value.";
        ChartLast "chart-last" "To the end" "" None ["$"] "Moves the cursor to the last value.";
        ChartRow "chart-row" "The row behind the value" "its row" None ["enter"] "Goes to the row that the value at the cursor came of.";
        ChartExport "chart-export" "Export as SVG" "SVG" None ["E"] "Writes the chart to an SVG file.";
        ChartCopy "chart-copy" "Copy the values" "copy" None ["y"] "Copies what the cursor reads.";
        ChartEditor "chart-editor" "Back to the query" "query" None ["i"] "Puts the cursor back into the query.";
    }
    Groups {
        GroupKeep "group-keep" "Only rows with this value" "only these" None ["enter"] "Keeps the rows with the value in focus; `esc` takes that back.";
        GroupDrop "group-drop" "No rows with this value" "not these" None ["-", "~"] "Leaves out the rows with the value in focus; `esc` takes that back.";
        GroupOrder "group-order" "By count, or by value" "order" None ["s"] "Lists the values by how often they are there, or by what they are.";
        GroupCopy "group-copy" "Copy values and counts" "copy" None ["y"] "Copies the values with their counts.";
    }
    Completion {
        CompleteNext "complete-next" "Next word" "" None ["down", "ctrl-n"] "Goes to the next word offered.";
        CompletePrevious "complete-previous" "Word before" "" None ["up", "ctrl-p"] "Goes to the word before.";
        CompletePageDown "complete-page-down" "Page down" "" None ["pgdn"] "Goes a page of words on.";
        CompletePageUp "complete-page-up" "Page up" "" None ["pgup"] "Goes a page of words back.";
        CompleteAccept "complete-accept" "Take the word" "take" None ["tab"] "Writes the word in focus.";
        CompleteEnter "complete-enter" "Take the word, or a new line" "" None ["enter"] "Writes the word in focus where one was chosen or is being typed; else begins a new line.";
        CompleteClose "complete-close" "Close the words" "close" None ["esc"] "Closes the list until the next word.";
    }
    Vim {
        VimRedo "vim-redo" "Do again" "" None ["ctrl-r"] "Does again what was taken back. F5 runs the query.";
        VimDown "vim-half-page-down" "Half a page down" "" None ["ctrl-d"] "Moves the caret half a page down.";
        VimUp "vim-half-page-up" "Half a page up" "" None ["ctrl-u"] "Moves the caret half a page up.";
        VimPageDown "vim-page-down" "Page down" "" None ["ctrl-f"] "Moves the caret a page down.";
        VimPageUp "vim-page-up" "Page up" "" None ["ctrl-b"] "Moves the caret a page up.";
    }
    Editor {
        HuntFix "hunt-fix" "Repair, or indent" "" None ["tab"] "Applies the repair offered at the caret; indents where there is none.";
        HuntLeave "hunt-leave" "Leave the editor" "results" None ["esc"] "Stops a running query; goes to the results where none runs.";
        Complete "complete" "Complete" "complete" None ["ctrl-space"] "Offers what can be written here, with what is known of it beside.";
        Hover "hover" "What is this?" "" None ["ctrl-k"] "Says what stands at the caret: type, columns, what a function gives, what is wrong.";
        Definition "definition" "Go to the definition" "" None ["ctrl-]"] "Goes where the name at the caret is defined in the query.";
        RenameLet "rename" "Rename" "" None ["alt-r"] "Gives a name that the query defines another, everywhere.";
        FindText "find" "Find" "find" None ["ctrl-f"] "Looks for a text while it is typed.";
        ReplaceText "replace" "Find and replace" "" None ["alt-h"] "Looks for a text and puts another in its place, one by one or all.";
        FindAgain "find-next" "Next match" "" None ["alt-n"] "Goes to the next match of what was looked for.";
        FindBack "find-previous" "Match before" "" None ["alt-p"] "Goes to the match before.";
        ProblemNext "problem-next" "Next problem" "" None ["F8"] "Goes to the next error or warning.";
        ProblemPrevious "problem-previous" "Problem before" "" None ["F7"] "Goes to the error or warning before.";
        QuickFix "quick-fix" "Repair" "" None ["alt-."] "Applies the repair offered at the caret, else the first one of its line.";
        SilenceLint "silence" "Silence here" "" None ["alt-,"] "Writes the comment that silences the warning at the caret, else the first one of its line.";
        FormatQuery "format" "Format" "format" None ["alt-F"] "Lays out what is selected, else the query under the caret; the caret stays at its word.";
        ToggleComment "toggle-comment" "Comment, or not" "" None ["ctrl-/", "alt-;"] "Puts the line, or the lines selected, into a comment or takes it out.";
        EditUndo "edit-undo" "Undo" "" None ["ctrl-u"] "Takes the last change of the text back.";
        EditRedo "edit-redo" "Redo" "" None ["alt-u"] "Makes it again.";
        Dedent "dedent" "Back a step" "" None ["shift-tab"] "Moves the line, or the lines selected, a step to the left.";
        DoubleLine "duplicate" "Duplicate" "" None ["ctrl-d"] "Writes what is selected, else the line, a second time.";
        LineUp "line-up" "Line up" "" None ["alt-k"] "Moves the line, or the lines selected, up.";
        LineDown "line-down" "Line down" "" None ["alt-j"] "Moves the line, or the lines selected, down.";
        SelectAll "select-all" "Select all" "" None ["alt-a"] "Selects the whole text.";
        EditCopy "edit-copy" "Copy" "" None ["alt-c"] "Copies what is selected, else the line. Shift and arrows select.";
        EditCut "edit-cut" "Cut" "" None ["ctrl-x"] "Cuts what is selected, else the line; `ctrl-v` writes it again.";
        BracketMatch "bracket-match" "Matching bracket" "" None ["alt-m"] "Goes to the bracket that belongs to the one at the caret.";
        EditOutside "edit-outside" "Edit in $EDITOR" "" None ["ctrl-o"] "Opens the text in `$VISUAL` or `$EDITOR`; what is saved there comes back as one step of undo.";
    }
    Find {
        FindForward "find-forward" "Next match" "next" None ["down", "ctrl-n"] "Goes to the next match.";
        FindBackward "find-backward" "Match before" "back" None ["up", "ctrl-p"] "Goes to the match before.";
        FindEnter "find-enter" "Next match, or replace" "" None ["enter"] "Goes to the next match; in the replacement, replaces this one first.";
        FindField "find-field" "Replacement" "replace" None ["tab", "shift-tab"] "Goes to the replacement and back.";
        FindAll "find-replace-all" "Replace all" "all" None ["alt-a"] "Replaces every match, in one step of undo.";
        FindCase "find-case" "Capitals count" "capitals" None ["alt-c"] "Capitals count, or not.";
        FindWhole "find-word" "Whole words" "words" None ["alt-w"] "Whole words alone, or not.";
        FindRegex "find-regex" "Regular expression" "regex" None ["alt-x"] "It is a regular expression, or plain text.";
        FindClose "find-close" "Close" "close" None ["esc"] "Back to the text, at the match.";
    }
    Hunt {
        HuntRun "hunt-run" "Run the query" "run" None ["F5", "ctrl-r"] "Runs what is selected, else the statement under the caret; empty lines split statements.";
        HuntRunAll "hunt-run-all" "Run the whole text" "" None ["alt-g"] "Runs all of the text as one query.";
        HuntCancel "hunt-cancel" "Cancel the run" "" None ["ctrl-g"] "Stops waiting for the running query.";
        HuntHistory "hunt-history" "History" "history" None ["F6"] "Chooses among earlier queries.";
        HuntPlace "hunt-place" "Defender or local" "" None ["alt-e"] "Changes where this tab asks: the service, or what is held here (the cached queue, kept results, files).";
        HuntKept "hunt-kept" "Kept results" "" None ["alt-d"] "Lists the results that are kept here, to open, name or drop them.";
        HuntOpenFile "hunt-file" "A file as a table" "" None ["alt-i"] "Reads a CSV, TSV, JSON or JSONL file as a table for local queries.";
        HuntSpan "hunt-span" "Time span" "span" None ["F4"] "Goes through how far back the service looks: 1h, 24h, 7d, 30d.";
        HuntTenant "hunt-tenant" "Tenant of this tab" "" None ["F3"] "Chooses the tenant that this tab asks, where several are connected.";
        HuntLibrary "hunt-library" "Query library" "library" None ["alt-l"] "Chooses among the queries that come with nightjar and your own, by title, description, tactic, technique or table.";
        HuntSave "hunt-save" "Keep the query" "" None ["alt-s"] "Writes what is selected, else the query under the caret, into your own library.";
        HuntSchema "hunt-schema" "Schema tree" "schema" None ["alt-t"] "Shows the tables and columns beside the query and goes there; from there, takes them away.";
        HuntLearn "hunt-learn" "Learn the tenant's schema" "" None ["alt-y"] "Asks the tenants shown for their tables and columns; what is used is asked for by itself once a day.";
        HuntNewTab "hunt-new-tab" "New tab" "tab" None ["F9"] "Opens another query.";
        HuntNextTab "hunt-next-tab" "Next tab" "" None ["F10"] "Goes to the next query.";
        HuntCloseTab "hunt-close-tab" "Close tab" "" None ["F12"] "Closes this query.";
    }
    Actions {
        ActionCancel "action-cancel" "Cancel the action" "cancel" Medium ["c"] "Asks the service to cancel the pending action.";
        ActionDevice "action-alerts" "Incident of the device" "" None ["i"] "Shows the newest incident that names the device.";
        ActionsToggle "actions-toggle" "Running ones only, or all" "running only" None ["z o"] "Switches between actions still open and all of them.";
    }
    Journal {
        JournalInspect "journal-inspect" "The whole entry" "inspect" None ["enter"] "Shows request ids, states and details of the entry.";
        JournalExport "journal-export" "Export the journal" "export" None ["E"] "Writes the journal to a file of JSON lines.";
    }
    Messages {
        MessageInspect "message-inspect" "The whole message" "inspect" None ["enter"] "Shows the message in full.";
        MessagesClear "messages-clear" "Clear the log" "clear" None ["C"] "Empties the message log.";
    }
    Tenants {
        TenantOnly "tenant-only" "Show this tenant only, or all" "only this" None ["enter"] "Limits every screen to the tenant in focus; again, shows all.";
        TenantRefresh "tenant-refresh" "Refresh this tenant" "refresh" None ["R"] "Asks the services of the tenant in focus now.";
        TenantReadOnly "tenant-read-only" "Read-only, for this session" "read-only" None ["w"] "Makes writes to the tenant in focus impossible until nightjar ends, or takes that back.";
    }
    Doctor {
        DoctorAgain "doctor-again" "Look again" "again" None ["enter"] "Examines the tenant anew; nothing is changed.";
        DoctorCopy "doctor-copy" "Copy the report" "copy" None ["y"] "Copies the whole report.";
    }
    Items {
        Assign "assign" "Assign to me, or to nobody" "mine" Low ["a"] "Takes what is in focus or marked; gives it back when it is already yours.";
        Status "status" "Set status" "status" Low ["s"] "Chooses a status for what is in focus or marked.";
        Classify "classify" "Classify" "classify" Low ["c"] "Chooses a classification and one of its determinations.";
        Comment "comment" "Comment" "comment" Low ["m"] "Writes a comment. Comments cannot be edited or taken back.";
        DeviceIsolateFull "isolate-full" "Isolate device, full" "" High ["x i"] "Cuts the device off the network but for Defender.";
        DeviceIsolateSelective "isolate-selective" "Isolate device, selective" "" High ["x s"] "Cuts the device off but for Outlook, Teams and Skype.";
        DeviceRelease "release" "Release device from isolation" "" High ["x r"] "Connects the device again.";
        DeviceScanQuick "scan-quick" "Antivirus scan, quick" "" Medium ["x q"] "Asks the device for a quick antivirus scan.";
        DeviceScanFull "scan-full" "Antivirus scan, full" "" Medium ["x f"] "Asks the device for a full antivirus scan; it may take hours.";
        Portal "portal" "Open the portal page" "portal" None ["o"] "Opens the page in the browser; known portal hosts only.";
        Copy "copy" "Copy, defanged" "copy" None ["y"] "Copies what is in focus; links and addresses are made harmless.";
        CopyRaw "copy-raw" "Copy raw" "" None ["Y"] "Copies what is in focus as it came.";
        HuntAround "hunt-around" "Hunt around this" "" None ["H"] "Opens a hunting query about what is in focus.";
        Mark "mark" "Mark" "mark" None ["space"] "Marks the row and goes on to the next.";
        MarkNone "mark-none" "Unmark all" "" None ["U"] "Takes all marks away.";
        Filter "filter" "Filter" "filter" None ["/"] "Narrows the list: words match fuzzily; status:, sev:, owner:, tag:, id:, tenant: ask fields.";
        Sort "sort" "Sort by the next column" "sort" None ["S"] "Goes through the sort orders.";
        SortReverse "sort-reverse" "Sort the other way" "" None ["R"] "Reverses the order.";
    }
    List {
        Where "where" "Filter with KQL" "" None ["f"] "Narrows the list by a KQL condition over its own columns, typed with completion.";
        FilterClear "filter-clear" "Clear the filter" "" None ["\\"] "Takes the filter away, words and condition.";
        Views "views" "Kept filters" "" None ["z v"] "Chooses among the filters of this list that were kept.";
        ViewKeep "view-keep" "Keep the filter" "" None ["z V"] "Keeps filter, condition and sort under a name.";
        Down "down" "Down" "" None ["j", "down"] "One row down.";
        Up "up" "Up" "" None ["k", "up"] "One row up.";
        PageDown "page-down" "Page down" "" None ["pgdn", "ctrl-f"] "One page down.";
        PageUp "page-up" "Page up" "" None ["pgup", "ctrl-b"] "One page up.";
        Top "top" "First row" "" None ["g", "home"] "To the first row, where new ones arrive.";
        Bottom "bottom" "Last row" "" None ["G", "end"] "To the last row.";
    }
    FirstRun {
        StartDemo "start-demo" "Start the demo" "demo" None ["d", "enter"] "Starts the console on a simulated tenant inside this process.";
    }
    Picker {
        PickerDown "picker-down" "Down" "" None ["down", "j", "ctrl-n"] "Next choice.";
        PickerUp "picker-up" "Up" "" None ["up", "k", "ctrl-p"] "Previous choice.";
        PickerChoose "picker-choose" "Choose" "choose" None ["enter"] "Takes the choice in focus.";
    }
    Schema {
        SchemaToggle "schema-toggle" "Open, close or insert" "open" None ["enter"] "Opens or closes the group or table in focus; inserts a column at the caret.";
        SchemaInsert "schema-insert" "Insert the name" "insert" None ["tab"] "Writes the name of the table or column in focus at the caret of the query.";
        SchemaExpand "schema-expand" "Open" "" None ["right"] "Opens what is in focus, or goes into it.";
        SchemaCollapse "schema-collapse" "Close" "" None ["left"] "Closes what is in focus, or goes to what it belongs to.";
        SchemaDown "schema-down" "Down" "" None ["down", "ctrl-n"] "One line down.";
        SchemaUp "schema-up" "Up" "" None ["up", "ctrl-p"] "One line up.";
        SchemaPageDown "schema-page-down" "Page down" "" None ["pgdn"] "A page down.";
        SchemaPageUp "schema-page-up" "Page up" "" None ["pgup"] "A page up.";
        SchemaLeave "schema-leave" "Back to the query" "query" None ["esc"] "Takes the filter away; without one, goes back to the query.";
    }
    Json {
        JsonOpen "json-open" "Unfold" "" None ["right", "l"] "Unfolds the value in focus, or goes into it.";
        JsonFold "json-fold" "Fold" "" None ["left", "h"] "Folds the value in focus, or goes to what it belongs to.";
        JsonFind "json-find" "Find" "find" None ["/"] "Looks for a name or value.";
        JsonNext "json-next" "Next match" "next" None ["n"] "Goes to the next match.";
        JsonPath "json-path" "Copy the path" "path" None ["Y"] "Copies the path a query reaches the value with.";
    }
    Queries {
        QueryRun "query-run" "Open and run" "run" None ["F5", "ctrl-r"] "Opens the query in a tab and runs it.";
    }
    Kept {
        KeptRename "kept-rename" "Name it" "name" None ["r"] "Gives the kept result in focus a name, beside its number.";
        KeptDrop "kept-drop" "Drop it" "drop" None ["d"] "Drops the kept result in focus.";
    }
    Popup {
        PopupClose "popup-close" "Close" "close" None ["esc", "q"] "Closes the popup and changes nothing.";
        PopupDown "popup-down" "Scroll down" "" None ["pgdn", "ctrl-d"] "Scrolls the popup down.";
        PopupUp "popup-up" "Scroll up" "" None ["pgup", "ctrl-u"] "Scrolls the popup up.";
        PopupLeft "popup-left" "Scroll left" "" None ["left"] "Scrolls the popup left.";
        PopupRight "popup-right" "Scroll right" "" None ["right"] "Scrolls the popup right.";
        PopupExplain "popup-explain" "Explain the refusal" "" None ["!"] "Says why the last 401 or 403 was one, and what cures it.";
        PopupCopy "popup-copy" "Copy" "" None ["y"] "Copies what the popup shows.";
    }
    SignIn {
        SignInStart "sign-in-start" "Sign in" "" None ["enter"] "Signs in as the profile says, or tries again.";
        SignInBrowser "sign-in-browser" "In the browser" "" None ["b"] "Signs in in the browser of this machine.";
        SignInDevice "sign-in-device" "With a code" "" None ["d"] "Signs in in a browser elsewhere, with a code to enter there.";
        SignInCopy "sign-in-copy" "Copy the code" "" None ["c"] "Copies the code, or the address of the page.";
        SignInOpen "sign-in-open" "Open the page" "" None ["o"] "Opens the page in the browser.";
    }
    Form {
        FormNext "form-next" "Next field" "next field" None ["tab", "down"] "Goes to the next field.";
        FormPrevious "form-previous" "Previous field" "" None ["shift-tab", "up"] "Goes to the previous field.";
        FormSubmit "form-submit" "Confirm" "confirm" None ["enter"] "Confirms, when everything asked for is filled in.";
        FormCancel "form-cancel" "Cancel" "cancels" None ["esc"] "Closes and changes nothing.";
    }
    Predicate {
        PredicateKeep "predicate-keep" "Keep the condition" "keep" None ["enter"] "Back to the list, filtered.";
        PredicateCancel "predicate-cancel" "Cancel" "as before" None ["esc"] "Back to the list as it was filtered before.";
        PredicateComplete "predicate-complete" "Complete" "words" None ["tab", "ctrl-space"] "Offers columns, functions and values.";
        PredicateDown "predicate-down" "Row down" "" None ["down"] "Goes down the list.";
        PredicateUp "predicate-up" "Row up" "" None ["up"] "Goes up the list.";
        PredicateUndo "predicate-undo" "Undo" "" None ["ctrl-u"] "Takes the last change of the condition back.";
    }
    PredicateWords {
        WordNext "word-next" "Next word" "next" None ["down", "ctrl-n"] "Goes to the next word offered.";
        WordPrevious "word-previous" "Word before" "" None ["up", "ctrl-p"] "Goes to the word before.";
        WordTake "word-take" "Take the word" "take" None ["tab"] "Writes the word in focus.";
        WordEnter "word-enter" "Take the word, or keep" "" None ["enter"] "Writes the word in focus where one was chosen or is being typed; else keeps the condition.";
        WordClose "word-close" "Close the words" "close" None ["esc"] "Closes the list until the next word.";
    }
    Views {
        ViewRename "view-rename" "Rename" "rename" None ["r"] "Gives the filter in focus another name.";
        ViewDelete "view-delete" "Delete" "delete" None ["d"] "Forgets the filter in focus.";
    }
    Main {
        Back "back" "Back" "back" None ["esc", "backspace"] "Back to the screen before.";
        Undo "undo" "Undo" "" Low ["u"] "Takes the last reversible change back.";
        Refresh "refresh" "Refresh" "" None ["r"] "Asks the services now.";
        SignIn "sign-in" "Sign in" "" None ["L"] "Signs in to the tenant that waits for it, as the person at this console.";
        Palette "palette" "Palette" "palette" None [":"] "Chooses any command by name.";
        Help "help" "Help" "help" None ["?"] "Shows the keys that work here.";
        GoIncidents "go-incidents" "Incidents" "" None ["1"] "Shows the incident queue.";
        GoAlerts "go-alerts" "Alerts" "" None ["2"] "Shows alerts of all incidents.";
        GoHunt "go-hunt" "Hunt" "" None ["3"] "Shows the hunting screen.";
        GoActions "go-actions" "Actions" "" None ["4"] "Shows machine actions.";
        GoJournal "go-journal" "Journal" "" None ["5"] "Shows what this console asked of which service.";
        GoMessages "go-messages" "Messages" "" None ["6"] "Shows notices and errors.";
        GoTenants "go-tenants" "Tenants" "" None ["7"] "Shows the tenants and how each is doing.";
        TenantChoose "tenant-choose" "Show which tenants" "" None ["t"] "Chooses the tenants that every screen shows: all, one or several.";
        TenantNext "tenant-next" "Next tenant" "" None ["]"] "Shows the next tenant alone; after the last, all.";
        TenantPrevious "tenant-previous" "Previous tenant" "" None ["["] "Shows the tenant before alone; before the first, all.";
        GoDoctor "doctor" "Doctor" "" None ["D"] "Examines the tenant: what works, what will not, why, and what cures it.";
        Explain "explain" "Explain the refusal" "" None ["!"] "Says why the last 401 or 403 was one, and what cures it.";
        NextPane "next-pane" "Next pane" "" None ["tab"] "Moves the focus to the next pane.";
        PreviousPane "previous-pane" "Previous pane" "" None ["shift-tab"] "Moves the focus to the previous pane.";
        TimeZone "time-zone" "UTC or local time" "" None ["z t"] "Switches between UTC and the local zone.";
        Quit "quit" "Quit" "" None ["q"] "Leaves the screen; on a first-level screen, leaves nightjar.";
    }
    Anywhere {
        HelpAnywhere "help-anywhere" "Help" "" None ["F1"] "Shows the keys that work here.";
        PaletteAnywhere "palette-anywhere" "Palette" "" None ["F2"] "Chooses any command by name.";
        Redraw "redraw" "Draw afresh" "" None ["ctrl-l"] "Clears the terminal and draws everything.";
        Suspend "suspend" "Suspend" "" None ["ctrl-z"] "Back to the shell; `fg` returns.";
        QuitNow "quit-now" "Quit at once" "" None ["ctrl-c"] "Leaves nightjar from anywhere. Nothing in flight is lost: the journal knows it.";
    }
}

impl Command {
    /// Its row.
    pub fn spec(self) -> &'static Spec {
        // The table is written in the order of the enum: both come from one macro.
        &COMMANDS[self as usize]
    }

    /// The command with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        let spec = COMMANDS.iter().find(|spec| spec.name == name);
        spec.map(|spec| spec.command)
    }
}

/// The key table of the documentation, in Markdown.
pub fn markdown() -> String {
    let mut out = String::new();
    for (scope, _, title) in Scope::ALL {
        let rows: Vec<&Spec> = COMMANDS.iter().filter(|spec| spec.scope == scope).collect();
        if rows.is_empty() {
            continue;
        }
        let _ = write!(
            out,
            "**{title}**\n\n| keys | command | does |\n|---|---|---|\n"
        );
        for spec in rows {
            let keys: Vec<String> = spec
                .keys
                .iter()
                .map(|keys| format!("`{}`", keys.replace('|', "\\|")))
                .collect();
            let _ = writeln!(
                out,
                "| {} | `{}` | {} |",
                keys.join(" "),
                spec.name,
                spec.help
            );
        }
        out.push('\n');
    }
    out
}

/// The default keys of a row, parsed. The table walk proves that all parse.
pub fn default_keys(spec: &Spec) -> impl Iterator<Item = Vec<Chord>> {
    spec.keys
        .iter()
        .filter_map(|text| keys::parse_sequence(text).ok())
}

#[cfg(test)]
mod tests;
