//! The workspace as the tasks see it: its packages by `cargo metadata`, its files by walking the tree.

use anyhow::{Context as _, Result};
use cargo_metadata::{Metadata, MetadataCommand, Package};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold no source of ours.
const NOT_OURS: [&str; 4] = ["target", ".git", "node_modules", ".idea"];

/// A text file of the tree.
#[derive(Debug, Clone)]
pub struct TextFile {
    /// Path from the workspace root, with `/` between the parts.
    pub path: String,
    /// The whole content.
    pub text: String,
}

/// Returns the file at a path from the workspace root.
pub fn file_at<'a>(files: &'a [TextFile], path: &str) -> Option<&'a TextFile> {
    files.iter().find(|file| file.path == path)
}

/// The workspace root, its packages and its text files.
#[derive(Debug)]
pub struct Workspace {
    /// Absolute path of the folder that holds the root manifest.
    pub root: PathBuf,
    /// What `cargo metadata` says, without third-party packages.
    pub metadata: Metadata,
}

impl Workspace {
    /// Reads the workspace that this tool was compiled in.
    ///
    /// # Errors
    /// When `cargo metadata` fails, for example on a manifest that does not parse.
    pub fn load() -> Result<Self> {
        Self::at(&std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from))
    }

    /// Reads the workspace that a folder belongs to.
    ///
    /// # Errors
    /// As [`Workspace::load`].
    pub fn at(folder: &Path) -> Result<Self> {
        let metadata = MetadataCommand::new()
            .current_dir(folder)
            .no_deps()
            .exec()
            .context("cargo metadata fails: repair the manifest it names")?;
        let root = metadata.workspace_root.clone().into_std_path_buf();
        Ok(Self { root, metadata })
    }

    /// The members, in the order of `cargo metadata`.
    pub fn members(&self) -> Vec<&Package> {
        self.metadata.workspace_packages()
    }

    /// Whether a member of this name exists.
    pub fn has_member(&self, name: &str) -> bool {
        self.members().iter().any(|package| package.name.as_str() == name)
    }

    /// A path inside the workspace, relative to its root and with `/` between the parts.
    pub fn relative(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.root).unwrap_or(path);
        inside
            .components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect::<Vec<_>>()
            .join("/")
    }

    /// The path where cargo puts a binary of the workspace.
    pub fn binary(&self, profile: &str, name: &str) -> PathBuf {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        self.metadata
            .target_directory
            .as_std_path()
            .join(profile)
            .join(file)
    }

    /// Every text file of the tree, sorted by path; build output and installed packages are left out.
    ///
    /// # Errors
    /// When a folder or a file cannot be read.
    pub fn text_files(&self) -> Result<Vec<TextFile>> {
        let mut found = Vec::new();
        self.walk(&self.root, &mut found)?;
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn walk(&self, folder: &Path, found: &mut Vec<TextFile>) -> Result<()> {
        let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            let name = entry.file_name();
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if !NOT_OURS.iter().any(|skipped| name.as_os_str() == *skipped) {
                    self.walk(&path, found)?;
                }
            } else if kind.is_file() {
                let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                if let Ok(text) = String::from_utf8(bytes) {
                    found.push(TextFile {
                        path: self.relative(&path),
                        text,
                    });
                }
            }
        }
        Ok(())
    }
}
