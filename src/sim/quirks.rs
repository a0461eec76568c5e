//! Quirks: facts about the services that nobody has verified. The tenant plays every one of them, and
//! an option chooses: `--quirk NAME=VALUE`.
//!
//! One row a fact. The first value is the default: what the documentation says.

/// One fact nobody has verified, for people.
#[derive(Debug, Clone, Copy)]
pub struct Quirk {
    /// What it is called.
    pub name: &'static str,
    /// What it is about, and where that is told.
    pub about: &'static str,
    /// Its values and what they mean, the default first.
    pub values: &'static [(&'static str, &'static str)],
}

/// Writes the enums, the struct and the table from one list.
macro_rules! quirks {
    ($($(#[doc = $doc:literal])* $field:ident: $ty:ident = $name:literal { $($(#[doc = $vdoc:literal])* $value:ident = $text:literal),+ $(,)? }),+ $(,)?) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub enum $ty { $($(#[doc = $vdoc])* $value),+ }

            impl Default for $ty {
                fn default() -> Self { [$(Self::$value),+][0] }
            }
        )+

        /// What the tenant does where the facts are not sure.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Quirks { $($(#[doc = $doc])* pub $field: $ty),+ }

        /// Every quirk.
        pub const QUIRKS: &[Quirk] = &[$(Quirk {
            name: $name,
            about: concat!($($doc),*),
            values: &[$(($text, concat!($($vdoc),*))),+],
        }),+];

        impl Quirks {
            /// Every quirk as it is set, as [`Quirks::set`] reads it.
            pub fn values(&self) -> Vec<String> {
                vec![$(format!("{}={}", $name, match self.$field { $($ty::$value => $text),+ })),+]
            }

            /// Sets one from `NAME=VALUE`. The error lists what there is.
            pub fn set(&mut self, text: &str) -> Result<(), String> {
                let (name, value) = text
                    .split_once('=')
                    .ok_or_else(|| format!("\"{text}\": write a quirk as NAME=VALUE"))?;
                match (name, value) {
                    $($(($name, $text) => self.$field = $ty::$value,)+)+
                    _ => return Err(match QUIRKS.iter().find(|q| q.name == name) {
                        Some(quirk) => format!(
                            "quirk {name} is one of {}, not {value}",
                            quirk.values.iter().map(|(v, _)| *v).collect::<Vec<_>>().join(", ")
                        ),
                        None => format!(
                            "no quirk is called {name}; there are {}",
                            QUIRKS.iter().map(|q| q.name).collect::<Vec<_>>().join(", ")
                        ),
                    }),
                }
                Ok(())
            }
        }
    };
}

quirks! {
    /// What a `PATCH` of `machineTags` does to the tags that are there (endpoint facts 6.2: the page
    /// says both).
    machine_tags_patch: MachineTagsPatch = "machine-tags-patch" {
        /// The sent tags are added.
        Append = "append",
        /// The sent tags are all there is afterwards.
        Replace = "replace",
    },
    /// What a second action of a kind on a device gets while the first is open (endpoint facts 7.3).
    duplicate_action: DuplicateAction = "duplicate-action" {
        /// What is usual for this kind of action.
        Usual = "usual",
        /// The action that is open.
        Existing = "existing",
        /// 400 `ActiveRequestAlreadyExists`.
        Refused = "refused",
    },
    /// What becomes of isolating a device that is isolated (endpoint facts 7.3, reported).
    isolate_isolated: IsolateIsolated = "isolate-isolated" {
        /// It succeeds like any other.
        Succeeds = "succeeds",
        /// It stays pending for half an hour, outlives a release, and isolates the device again.
        Lingers = "lingers",
    },
    /// What a cancellation of a running action undoes (endpoint facts 7.3, reported).
    cancel_race: CancelRace = "cancel-race" {
        /// A cancelled action has done nothing.
        Stops = "stops",
        /// `Cancelled`, although the work was done.
        TooLate = "too-late",
    },
    /// How a machine action spells its time of last update (endpoint facts 7.1).
    action_update_name: ActionUpdateName = "action-update-name" {
        /// `lastUpdateDateTimeUtc`.
        DateTime = "lastUpdateDateTimeUtc",
        /// `lastUpdateTimeUtc`, as one sample has it.
        Time = "lastUpdateTimeUtc",
    },
    /// How a machine action spells its external id (endpoint facts 7.1).
    external_id_name: ExternalIdName = "external-id-name" {
        /// `externalID`, the documented spelling.
        Documented = "externalID",
        /// `externalId`, as JSON was seen.
        Seen = "externalId",
    },
    /// Whether an application that holds `Machine.CollectForensics` alone may cancel (endpoint facts
    /// 7.3, reported in 2021).
    cancel_collect_only: CancelCollectOnly = "cancel-collect-only" {
        /// It may, as documented.
        Allowed = "allowed",
        /// 403: the service compares with a misspelt name.
        Refused = "refused",
    },
    /// What reads of machines and actions need (endpoint facts 4, read-permission drift).
    read_roles: ReadRoles = "read-roles" {
        /// The reading or the writing role.
        AnyOf = "any-of",
        /// The writing role on the pages rewritten in 2025.
        Rewritten = "rewritten",
    },
    /// Status of a token for another resource (endpoint facts 14.2).
    wrong_audience: WrongAudience = "wrong-audience" {
        /// 403.
        Forbidden = "403",
        /// 401.
        Unauthorized = "401",
    },
    /// Queue and sessions of live response (endpoint facts 14.7).
    live_response_limits: LiveResponseLimits = "live-response-limits" {
        /// 2 hours, 50 sessions.
        Newest = "newest",
        /// 3 days, 25 sessions.
        Older = "older",
    },
    /// Whether macOS and Linux can be offboarded (endpoint facts 14.7).
    offboard_platforms: OffboardPlatforms = "offboard-platforms" {
        /// They can.
        Newest = "newest",
        /// Windows only.
        Older = "older",
    },
    /// Whether `unisolate` releases a contained device (endpoint facts 14.6).
    release_containment: ReleaseContainment = "release-containment" {
        /// Only the portal does.
        Portal = "portal",
        /// It does.
        Unisolate = "unisolate",
    },
    /// How the determination of a true informational finding is spelled (endpoint facts 9).
    confirmed_activity: ConfirmedActivity = "confirmed-activity" {
        /// `ConfirmedActivity`.
        Short = "ConfirmedActivity",
        /// `ConfirmedUserActivity`.
        Long = "ConfirmedUserActivity",
    },
    /// How the determination of a false finding is spelled (endpoint facts 9).
    not_malicious: NotMalicious = "not-malicious" {
        /// `NotMalicious`.
        Words = "NotMalicious",
        /// `Clean`.
        Clean = "Clean",
    },
    /// Whether classification and determination must belong together (endpoint facts 14.8).
    classification_pairs: ClassificationPairs = "classification-pairs" {
        /// Nobody looks.
        Unchecked = "unchecked",
        /// 400 for a pair that no page lists.
        Checked = "checked",
    },
    /// Ids of alerts at the endpoint service (endpoint facts 9). Either form finds an alert.
    alert_ids: AlertIds = "alert-ids" {
        /// `da637472900382838869_1364969609`.
        Endpoint = "endpoint",
        /// As Graph has them.
        Graph = "graph",
    },
    /// Type of `rbacGroupId` of a machine (endpoint facts 8).
    rbac_group_id: RbacGroupId = "rbac-group-id" {
        /// A number, as in the samples.
        Number = "number",
        /// A string, as in the table.
        Text = "string",
    },
    /// Whether the hunting endpoints that are announced to end have ended (endpoint facts 12).
    retired_hunting: RetiredHunting = "retired-hunting" {
        /// From the announced date on.
        Announced = "announced",
        /// They have.
        On = "on",
    },
    /// The plan the tenant has bought (endpoint facts 4, licence limits).
    plan: Plan = "plan" {
        /// Defender for Endpoint Plan 2.
        P2 = "p2",
        /// Defender for Endpoint Plan 1.
        P1 = "p1",
        /// Defender for Business.
        Business = "business",
    },
    /// How large an answer of a hunting query may be (hunting facts 1: stated for the older surfaces,
    /// second-hand for Graph).
    hunting_size: HuntingSize = "hunting-size" {
        /// 50 MB, then 400.
        Fifty = "50MB",
        /// 124 MB, then 400.
        Older = "124MB",
        /// As large as it takes.
        Unlimited = "unlimited",
    },
    /// Whether a client assertion is taken twice (endpoint facts 3: a random `jti`; nothing says that it
    /// is remembered, and Microsoft's own libraries send one assertion for ten minutes).
    assertion_replay: AssertionReplay = "assertion-replay" {
        /// As often as it is sent.
        Accepted = "accepted",
        /// Once.
        Refused = "refused",
    },
    /// What a token request for another cloud's resource gets (endpoint facts 1.2: the public directory
    /// lists names of several clouds for one resource, and no page says that tokens are issued for them).
    foreign_resource: ForeignResource = "foreign-resource" {
        /// 400, AADSTS500011: the name is not known here.
        Unknown = "unknown",
        /// A token, which the service of this cloud refuses.
        Issued = "issued",
    },
    /// What the application was consented to from the beginning, where an administrator consented at all.
    consent: ConsentState = "consent" {
        /// Everything it asks for.
        Full = "full",
        /// Microsoft Graph alone.
        GraphOnly = "graph-only",
        /// Defender for Endpoint alone.
        DefenderOnly = "defender-only",
        /// Graph, and Microsoft Threat Protection in place of WindowsDefenderATP: the wrong resource.
        WrongResource = "wrong-resource",
        /// Nothing, though it is there.
        Nothing = "none",
        /// It is not in the tenant at all, AADSTS700016, until an administrator consents.
        Absent = "absent",
    },
    /// Whether Defender for Endpoint calls back access tokens of clients that can be asked for claims (no
    /// page lists it among the services that do; Graph does).
    defender_cae: DefenderCae = "defender-cae" {
        /// It does not: its tokens live their hour.
        Off = "off",
        /// As Graph does.
        On = "on",
    },
    /// In which words Defender for Endpoint says that a permission is missing (endpoint facts 2: both were
    /// seen).
    forbidden_words: ForbiddenWords = "forbidden-words" {
        /// Newer on reads, older on writes.
        Mixed = "mixed",
        /// `Missing application roles. API required roles: …`.
        Newer = "newer",
        /// `The application does not have any of the required application permissions (…)`.
        Older = "older",
    },
    /// Format of access tokens (endpoint facts 3). Which one a resource takes is its own setting.
    token_format: TokenFormat = "token-format" {
        /// `ver` 1.0: `appid`, `upn`, an issuer at sts.windows.net, the audience as it was asked for.
        V1 = "v1",
        /// `ver` 2.0: `azp`, `preferred_username`, an issuer at the authority, the audience as application id.
        V2 = "v2",
    },
    /// How a 429 of a call limit says when to come back (Graph facts, "Throttling and retry").
    retry_after: RetryAfterForm = "retry-after" {
        /// In seconds.
        Seconds = "seconds",
        /// As an HTTP date.
        Date = "date",
        /// Not at all.
        Missing = "none",
    },
    /// Whether the tenant has live response switched on.
    live_response: LiveResponse = "live-response" {
        /// It has.
        On = "on",
        /// 403 `DisabledFeature`.
        Off = "off",
    },
    /// Automation level of the device groups, which live response needs.
    remediation_level: RemediationLevel = "remediation-level" {
        /// Full.
        Full = "full",
        /// None: live response is refused.
        None = "none",
    },
    /// What becomes of a `$top` over 1,000 on alerts (Graph facts, "Alerts").
    alert_top: AlertTop = "alert-top" {
        /// A page of 1,000, as seen.
        Clamped = "clamped",
        /// 400, as the constraints page of the older alerts says.
        Refused = "refused",
    },
    /// What becomes of a `$skip` over 500 on alerts (Graph facts, "Alerts").
    alert_skip: AlertSkip = "alert-skip" {
        /// 400, as the constraints page says.
        Refused = "refused",
        /// Served.
        Served = "served",
    },
    /// What becomes of large offsets on incidents (Graph facts, "Incidents").
    incident_skip: IncidentSkip = "incident-skip" {
        /// Served.
        Served = "served",
        /// From 1,000 on pages are empty and have no next link, as was seen.
        DriesUp = "dries-up",
    },
    /// Whether incidents with many alerts can be listed with `$filter` and `$expand=alerts` (Graph
    /// facts, "Incidents").
    expand_filtered: ExpandFiltered = "expand-filtered" {
        /// They can.
        Served = "served",
        /// 500, every time, when an incident of the page has more than 50 alerts.
        Fails = "fails",
    },
    /// Whether quotes in a query must be percent-encoded (Graph facts, "Rules for every request").
    raw_quotes: RawQuotes = "raw-quotes" {
        /// They may stand as they are.
        Accepted = "accepted",
        /// 400.
        Refused = "refused",
    },
    /// Whether `resolvingComment` of an incident can be updated (Graph facts, "Not verified").
    resolving_comment: ResolvingComment = "resolving-comment" {
        /// It can.
        Updatable = "updatable",
        /// 400, read-only.
        ReadOnly = "read-only",
    },
    /// Whether the list of analyzed mails keeps to its dates and options (Graph facts, "Mail").
    mail_dates: MailDates = "mail-dates" {
        /// `startTime`, `endTime`, `$filter` and `$count` do what is documented.
        Honoured = "honoured",
        /// Dates are ignored, the last 20 hours are listed, options are refused, as was seen.
        Ignored = "ignored",
    },
    /// The form of the answer to `invokeAction` (Graph facts, "Response actions").
    invoke_result: InvokeResult = "invoke-result" {
        /// As the schema has it.
        Plain = "plain",
        /// Wrapped in `value`, with `provider`, as the page shows.
        Wrapped = "wrapped",
    },
    /// Status of `revokeSignInSessions` (Graph facts, "Response actions": a known issue).
    revoke_status: RevokeStatus = "revoke-status" {
        /// 200 and a value.
        Ok = "200",
        /// 204.
        NoContent = "204",
    },
    /// Whether the tenant has the licence for risky users, Entra ID P2.
    risk_licence: RiskLicence = "risk-licence" {
        /// It has.
        Present = "present",
        /// 403.
        Missing = "missing",
    },
    /// Whether the tenant has vulnerability management (endpoint facts 2: 401 where it is missing).
    vulnerability_licence: VulnerabilityLicence = "vulnerability-licence" {
        /// It has.
        Present = "present",
        /// 401, "No Tvm license".
        Missing = "missing",
    },
    /// Whether the tenant's endpoint service is there (endpoint facts 2: a 401 is not always the token).
    account: Account = "account" {
        /// It is.
        Active = "active",
        /// 401: the licence has run out.
        Inactive = "inactive",
        /// 401: it was never set up.
        Unprovisioned = "unprovisioned",
    },
    /// Whether stories hold evidence of a kind that no published schema has (Graph facts: new kinds
    /// appear without notice).
    unknown_evidence: UnknownEvidence = "unknown-evidence" {
        /// Published kinds only.
        Off = "off",
        /// `browserExtensionEvidence` too.
        On = "on",
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quirks_are_set_by_name_and_mistakes_list_what_there_is() {
        let mut quirks = Quirks::default();
        for Quirk {
            name,
            about,
            values,
        } in QUIRKS
        {
            assert!(about.ends_with('.'), "{name}: {about}");
            for (value, meaning) in values.iter().rev() {
                assert!(meaning.ends_with('.'), "{name}={value}: {meaning}");
                quirks
                    .set(&format!("{name}={value}"))
                    .expect("in the table");
            }
        }
        assert_eq!(quirks, Quirks::default(), "the first value is the default");
        quirks.set("cancel-race=too-late").expect("a value");
        assert_eq!(quirks.cancel_race, CancelRace::TooLate);
        for (wrong, says) in [
            ("cancel-race", "NAME=VALUE"),
            ("cancel-race=never", "one of stops, too-late"),
            ("cancel=1", "there are"),
        ] {
            assert!(quirks.set(wrong).expect_err(wrong).contains(says));
        }
    }
}
