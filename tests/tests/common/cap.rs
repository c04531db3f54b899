//! A SAP CAP service as a real process: see `tests/interop/cap`.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command as Blocking, Stdio};

use driftless_tests::machine;
use tokio::process::Command;
use tokio::sync::OnceCell;

use super::http::Service;
use super::process::Process;
use super::proxy::FaultProxy;

/// Users with the role `sales`, and one who is `manager` as well.
pub(crate) const SELLER: &str = "seller";
pub(crate) const SECOND: &str = "second";
pub(crate) const MANAGER: &str = "manager";

const PATH: &str = "/odata/v4/crm/";
const SUITE: &str = "interop with SAP CAP";
const NODE: &str =
    "install it from https://nodejs.org or your system's packages (Debian: apt-get install nodejs npm)";

/// A running service with a database of its own, and a wire to it that breaks on command.
pub(crate) struct Cap {
    process: Process,
    address: SocketAddr,
    pub(crate) wire: FaultProxy,
    _folder: tempfile::TempDir,
}

impl Cap {
    /// Starts a service with the starting rows; `None`, after saying why, where this machine cannot run one.
    pub(crate) async fn start() -> Option<Self> {
        static MODULES: OnceCell<Result<PathBuf, Missing>> = OnceCell::const_new();
        let modules = MODULES
            .get_or_init(|| async { tokio::task::spawn_blocking(modules).await.unwrap() })
            .await;
        match modules {
            Ok(modules) => Some(Self::start_with(modules).await),
            Err(missing) => {
                machine::skip(SUITE, &missing.what, missing.remedy);
                None
            }
        }
    }

    async fn start_with(modules: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for file in ["package.json", "seed.js"] {
            fs::copy(source().join(file), root.join(file)).unwrap();
        }
        for (subfolder, files) in [
            ("db", &["schema.cds"] as &[_]),
            ("srv", &["crm-service.cds", "crm-service.js"]),
        ] {
            fs::create_dir(root.join(subfolder)).unwrap();
            for file in files {
                let file = Path::new(subfolder).join(file);
                fs::copy(source().join(&file), root.join(&file)).unwrap();
            }
        }
        link(modules, &root.join("node_modules"));
        let seeded = Command::new("node")
            .arg("seed.js")
            .current_dir(root)
            .status()
            .await
            .unwrap();
        assert!(seeded.success(), "seed.js failed");

        let mut command = Command::new("node");
        command
            .arg(modules.join("@sap/cds/bin/serve.js"))
            .arg("all")
            .current_dir(root)
            .env("PORT", "0")
            .env("NO_COLOR", "1")
            // CAP notes in the home folder where its services run.
            .env("HOME", root)
            .env("USERPROFILE", root);
        let (process, port) = Process::start(command, |line| {
            let (_, port) = line.split_once("listening on { url: 'http://localhost:")?;
            port.split('\'').next()?.parse::<u16>().ok()
        })
        .await;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            process,
            address,
            wire: FaultProxy::start(address),
            _folder: folder,
        }
    }

    /// The service root that a device signs in to: through the wire that breaks.
    pub(crate) fn url(&self) -> String {
        format!("http://{}{PATH}", self.wire.address())
    }

    /// The service as somebody sees it who is not behind the wire.
    pub(crate) fn seen_by(&self, user: &'static str) -> Service {
        Service::new(&format!("http://{}{PATH}", self.address), user)
    }

    /// What the service logged, for a failing test's message.
    pub(crate) fn log(&self) -> String {
        self.process.said()
    }
}

/// Something that this machine lacks.
struct Missing {
    what: String,
    remedy: &'static str,
}

fn source() -> PathBuf {
    machine::workspace_root().join("tests/interop/cap")
}

/// Installs the packages once per lock file and version of Node, beside the build output.
fn modules() -> Result<PathBuf, Missing> {
    let node = version("node").filter(|version| major(version) >= Some(20));
    let (Some(node), Some(_)) = (node, version("npm")) else {
        return Err(Missing {
            what: "Node.js 20 or newer, with npm".to_owned(),
            remedy: NODE,
        });
    };
    let mut key = DefaultHasher::new();
    major(&node).hash(&mut key);
    for file in ["package.json", "package-lock.json"] {
        fs::read(source().join(file)).unwrap().hash(&mut key);
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cap-{:016x}", key.finish()));
    fs::create_dir_all(&folder).unwrap();
    // Other test processes may want the same at the same time.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let modules = folder.join("node_modules");
    let installed = folder.join("installed");
    if !installed.is_file() {
        for file in ["package.json", "package-lock.json"] {
            fs::copy(source().join(file), folder.join(file)).unwrap();
        }
        eprintln!(
            "installing the packages of the CAP service (once; some minutes where one is built from source)"
        );
        npm(&folder, &["ci", "--no-audit", "--no-fund"])?;
        // Newer versions of npm run a package's install script only after it was approved, and `ci` may leave it out.
        if !modules
            .join("better-sqlite3/build/Release/better_sqlite3.node")
            .is_file()
        {
            npm(&folder, &["rebuild", "better-sqlite3"])?;
        }
        fs::write(&installed, "").unwrap();
    }
    Ok(modules)
}

fn npm(folder: &Path, arguments: &[&str]) -> Result<(), Missing> {
    let output = program("npm")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<_> = said.lines().rev().take(6).collect();
    Err(Missing {
        what: format!(
            "the npm packages (`npm {}` failed: {})",
            arguments.join(" "),
            last.into_iter().rev().collect::<Vec<_>>().join("; ")
        ),
        remedy: "let the machine reach the npm registry once; a C++ compiler and Python build one of the packages",
    })
}

fn version(name: &str) -> Option<String> {
    let output = program(name)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

/// npm is a script on Windows, which has to be named in full there.
fn program(name: &str) -> Blocking {
    let script = cfg!(windows) && name == "npm";
    Blocking::new(if script { "npm.cmd" } else { name })
}

#[cfg(unix)]
fn link(target: &Path, at: &Path) {
    std::os::unix::fs::symlink(target, at).unwrap();
}

#[cfg(windows)]
fn link(target: &Path, at: &Path) {
    std::os::windows::fs::symlink_dir(target, at).unwrap();
}
