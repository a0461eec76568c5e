//! Which profiles are meant: those named, all of them, or the default ones.

use std::path::PathBuf;

use super::{Config, Problem, Profile, nearest};

/// Which profiles somebody asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Chosen {
    /// None by name: the default ones, or the only one there is.
    #[default]
    Default,
    /// These, in this order.
    Named(Vec<String>),
    /// Every one that is set up.
    All,
}

/// The profiles that were meant and can be used, and those that cannot.
#[derive(Clone, Debug, Default)]
pub struct Picked {
    /// To be used; at least one.
    pub profiles: Vec<Profile>,
    /// Names of those meant that cannot be used, each with the reason.
    pub left_out: Vec<(String, String)>,
}

impl Picked {
    /// The only one meant.
    ///
    /// # Errors
    /// Where several are, used or not.
    pub fn one(&self) -> Result<&Profile, ProfileError> {
        match (self.profiles.as_slice(), self.left_out.as_slice()) {
            ([one], []) => Ok(one),
            (used, left_out) => {
                let used = used.iter().map(|profile| profile.name.clone());
                let left_out = left_out.iter().map(|(name, _)| name.clone());
                Err(ProfileError::TooMany {
                    chosen: used.chain(left_out).collect(),
                })
            }
        }
    }
}

/// Why there is no profile to use; each message says what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// None is set up.
    #[error("no profile is set up; write one into {file} (or try `nightjar demo`, which needs none)", file = file.display())]
    None {
        /// Where one would be written.
        file: PathBuf,
    },
    /// None of that name.
    #[error("there is no profile \"{found}\"{}; set up are: {}", nearest.as_ref().map_or_else(String::new, |name| format!(" (did you mean \"{name}\"?)")), known.join(", "))]
    Unknown {
        /// What was asked for.
        found: String,
        /// The nearest name.
        nearest: Option<String>,
        /// All names.
        known: Vec<String>,
    },
    /// It has a problem.
    #[error("the profile \"{name}\" cannot be used: {problem}")]
    Unusable {
        /// Which.
        name: String,
        /// The first thing wrong in it.
        problem: Box<Problem>,
    },
    /// Several are meant where one is wanted.
    #[error("this works on one tenant, and {} are chosen; name one with --profile: {}", chosen.len(), chosen.join(", "))]
    TooMany {
        /// Those chosen.
        chosen: Vec<String>,
    },
    /// Several, and none is the default.
    #[error("several profiles are set up and none is the default; name one with --profile, take them all with --all-profiles, or set default_profile in {file}: {}", known.join(", "), file = file.display())]
    Several {
        /// Where the default would be set.
        file: PathBuf,
        /// All names.
        known: Vec<String>,
    },
}

impl Config {
    /// The profile of a name; without one the default, or the only one there is.
    ///
    /// # Errors
    /// Where there is none to use or several are meant, with what to do next.
    pub fn profile(&self, name: Option<&str>) -> Result<&Profile, ProfileError> {
        let chosen = name.map_or(Chosen::Default, |name| Chosen::Named(vec![name.to_owned()]));
        let names = self.names(&chosen)?;
        match names.as_slice() {
            [name] => self.usable(name),
            _ => Err(ProfileError::TooMany { chosen: names }),
        }
    }

    /// The profiles somebody asked for, each once. One that cannot be used is left out while others can.
    ///
    /// # Errors
    /// Where a name is not set up or none of them can be used, with what to do next.
    pub fn profiles(&self, chosen: &Chosen) -> Result<Picked, ProfileError> {
        let mut picked = Picked::default();
        let mut first = None;
        for name in self.names(chosen)? {
            match self.usable(&name) {
                Ok(profile) => picked.profiles.push(profile.clone()),
                // Named by a person just now: a slip of the keyboard, not a tenant that has to wait.
                Err(error @ ProfileError::Unknown { .. }) if matches!(chosen, Chosen::Named(_)) => {
                    return Err(error);
                }
                Err(error) => {
                    picked.left_out.push((name, error.to_string()));
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            Some(error) if picked.profiles.is_empty() => Err(error),
            _ => Ok(picked),
        }
    }

    /// The names meant, each once, in order; at least one. They may be of profiles that cannot be used.
    ///
    /// # Errors
    /// Where none is set up, or several are and none is the default.
    pub fn names(&self, chosen: &Chosen) -> Result<Vec<String>, ProfileError> {
        let known = self.known();
        let none = || ProfileError::None {
            file: self.file.clone(),
        };
        let meant = match chosen {
            Chosen::Named(names) => names.clone(),
            Chosen::All => known,
            Chosen::Default if !self.default_profile.is_empty() => self.default_profile.clone(),
            Chosen::Default if known.len() > 1 => {
                return Err(ProfileError::Several {
                    file: self.file.clone(),
                    known,
                });
            }
            Chosen::Default => known,
        };
        let mut names: Vec<String> = Vec::with_capacity(meant.len());
        for name in meant {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            return Err(none());
        }
        Ok(names)
    }

    fn usable(&self, name: &str) -> Result<&Profile, ProfileError> {
        if let Some(profile) = self.profiles.get(name) {
            return Ok(profile);
        }
        let problems = self.unusable.get(name);
        if let Some(problem) = problems.and_then(|problems| problems.first()) {
            return Err(ProfileError::Unusable {
                name: name.to_owned(),
                problem: Box::new(problem.clone()),
            });
        }
        let known = self.known();
        if known.is_empty() {
            return Err(ProfileError::None {
                file: self.file.clone(),
            });
        }
        Err(ProfileError::Unknown {
            found: name.to_owned(),
            nearest: nearest(name, known.iter().map(String::as_str)).map(str::to_owned),
            known,
        })
    }

    /// Every name that is set up, usable or not, each once and in order.
    fn known(&self) -> Vec<String> {
        let names = self.profiles.keys().chain(self.unusable.keys());
        names.cloned().collect()
    }
}
