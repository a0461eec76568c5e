//! `--external URI=FILE`: local files that stand for what `externaldata` names in a query.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use clap::Args;

use crate::engine::External;

/// Files that queries may read.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ExternalArgs {
    /// What externaldata reads where a query names URI; may be given more than once. Nothing is fetched
    /// from outside.
    #[arg(long = "external", value_name = "URI=FILE", value_parser = pair)]
    pub(crate) external: Vec<(String, PathBuf)>,
}

/// Parts the name from the file; names hold `=` more often than files.
fn pair(text: &str) -> Result<(String, PathBuf), String> {
    match text.rsplit_once('=') {
        Some((uri, file)) if !uri.is_empty() && !file.is_empty() => {
            Ok((uri.to_owned(), PathBuf::from(file)))
        }
        _ => Err("URI=FILE is expected".to_owned()),
    }
}

impl ExternalArgs {
    /// Opens these files and no others.
    pub(crate) fn opener(&self) -> External {
        if self.external.is_empty() {
            return External::default();
        }
        let files = self.external.clone();
        External::new(move |uri| {
            // What follows `;` in a query is a key, not part of the name.
            let name = uri.split(';').next().unwrap_or(uri);
            let found = files
                .iter()
                .find(|(known, _)| known == uri || known == name);
            found
                .map(|(_, file)| File::open(file).map(|f| Box::new(f) as Box<dyn Read>))
                .transpose()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("list.txt");
        std::fs::write(&file, "a").expect("written");
        let given = format!("https://x.example/l?k=v={}", file.display());
        let args = ExternalArgs {
            external: vec![pair(&given).expect("a pair")],
        };
        assert_eq!(args.external[0].0, "https://x.example/l?k=v");
        let opener = args.opener();
        let read = |uri: &str| {
            let mut text = String::new();
            opener
                .open(uri)
                .expect("works")?
                .read_to_string(&mut text)
                .ok()?;
            Some(text)
        };
        assert_eq!(read("https://x.example/l?k=v;secret").as_deref(), Some("a"));
        assert_eq!(read("https://x.example/l"), None);
        assert!(pair("no file").is_err() && pair("=x").is_err());
    }
}
