//! Folders and names in them, made durable.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Makes the names in a folder durable, where the system can.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(path)?.sync_all()
    } else {
        Ok(())
    }
}

/// Moves a folder to another place; it is at one of the two whatever happens.
pub(crate) fn move_to(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    for folder in [from, to].into_iter().filter_map(Path::parent) {
        sync(folder)?;
    }
    Ok(())
}

/// Deletes a folder with everything in it. Several processes may do so at once.
pub(crate) fn delete(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        // What another process was faster with is no failure, as long as the folder goes.
        Err(_) if !path.try_exists()? => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => fs::remove_dir_all(path),
        done => done,
    }
}

/// Deletes a file, if it is there.
pub(crate) fn delete_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
