//! Where a home is, so that a copy of it is told from the original.
//!
//! A home remembers the number that the file system gave its database. Renaming and moving keep the number; a copy, or
//! what comes back from a backup, has another. Where files have no such numbers nothing is told.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use super::HomeError;
use crate::folder;

/// The file that remembers.
const PLACE: &str = "home.place";

/// Fails if the home is a copy; remembers where it is the first time.
pub(super) fn check(home: &Path) -> Result<(), HomeError> {
    let Some(here) = here(home)? else {
        return Ok(());
    };
    match fs::read_to_string(home.join(PLACE)) {
        Ok(known) if known.trim() == here => Ok(()),
        Ok(_) => Err(HomeError::Copied(home.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => remember(home),
        Err(error) => Err(error.into()),
    }
}

/// Remembers where the home is now.
pub(super) fn remember(home: &Path) -> Result<(), HomeError> {
    let Some(here) = here(home)? else {
        return Ok(());
    };
    let draft = home.join(format!("{PLACE}-{}", crate::random::name()));
    let mut file = File::create(&draft)?;
    writeln!(file, "{here}")?;
    file.sync_all()?;
    Ok(folder::move_to(&draft, &home.join(PLACE))?)
}

#[cfg(unix)]
fn here(home: &Path) -> io::Result<Option<String>> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(Some(format!(
        "file {}",
        fs::metadata(home.join("device.db"))?.ino()
    )))
}

#[cfg(not(unix))]
fn here(_home: &Path) -> io::Result<Option<String>> {
    Ok(None)
}
