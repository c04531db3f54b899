//! A device: the real `driftless` binary with a home of its own.

use std::future;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use driftless_tests::machine;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

/// No command may take longer; a hang is a failure.
const LIMIT: Duration = Duration::from_secs(120);

/// One home, driven by the command line.
pub(crate) struct Device {
    home: tempfile::TempDir,
}

/// What one command did.
#[derive(Debug)]
pub(crate) struct Run {
    /// The command, for messages.
    pub(crate) line: String,
    pub(crate) code: i32,
    /// Standard output, which is one JSON document.
    pub(crate) json: Value,
    pub(crate) stderr: String,
}

/// How a command ended that might have been killed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) line: String,
    /// `None` for a process that was killed.
    pub(crate) code: Option<i32>,
    stdout: String,
    pub(crate) stderr: String,
}

impl Device {
    pub(crate) fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// Its folder.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A device that is signed in and has downloaded everything.
    pub(crate) async fn downloaded(url: &str, user: &str) -> Self {
        let device = Self::new();
        device.sign_in(url, user).await.expect_code(0);
        device.run(&["download"]).await.expect_code(0);
        device
    }

    /// Signs in with the user's password, which is the name with `-pw`.
    pub(crate) async fn sign_in(&self, url: &str, user: &str) -> Run {
        self.sign_in_with(url, user, &format!("{user}-pw")).await
    }

    pub(crate) async fn sign_in_with(&self, url: &str, user: &str, password: &str) -> Run {
        let arguments = [
            "login",
            url,
            "--user",
            user,
            "--password-stdin",
            "--connector",
            "odata",
        ];
        let ended = self
            .run_until(&arguments, &format!("{password}\n"), future::pending())
            .await;
        ended.whole()
    }

    /// Runs a command with `--json`.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Run {
        self.run_until(arguments, "", future::pending()).await.whole()
    }

    /// Runs a command with `--json` and kills it at a moment, if it has not ended by itself.
    pub(crate) async fn run_until(
        &self,
        arguments: &[&str],
        input: &str,
        moment: impl Future<Output = ()>,
    ) -> Ended {
        let mut command = Command::new(machine::driftless_bin());
        command
            .arg("--home")
            .arg(self.home.path())
            .args(arguments)
            .arg("--json")
            .env("NO_PROXY", "127.0.0.1,localhost")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let line = format!("driftless {}", arguments.join(" "));
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (mut answer, mut said) = (String::new(), String::new());
        let whole = async {
            tokio::join!(
                async {
                    // A command that does not read its input closes the pipe, which is no failure.
                    let _ = stdin.write_all(input.as_bytes()).await;
                    drop(stdin);
                },
                async { stdout.read_to_string(&mut answer).await.unwrap() },
                async { stderr.read_to_string(&mut said).await.unwrap() },
                async {
                    tokio::select! {
                        status = child.wait() => return status.unwrap(),
                        () = moment => {}
                    }
                    // It may have ended meanwhile, which its status tells.
                    child.start_kill().unwrap();
                    child.wait().await.unwrap()
                }
            )
        };
        let whole = tokio::time::timeout(LIMIT, whole).await;
        let (.., status) = whole.unwrap_or_else(|_| panic!("`{line}` did not end"));
        Ended {
            line,
            code: status.code(),
            stdout: answer,
            stderr: said,
        }
    }

    /// Synchronizes; the caller says which exit code it expects.
    pub(crate) async fn sync(&self, code: i32) -> Run {
        self.run(&["sync"]).await.expect_code(code)
    }

    /// Creates a record and returns its id.
    pub(crate) async fn create(&self, entity: &str, fields: &[&str]) -> String {
        let arguments = [&["create", entity], fields].concat();
        let run = self.run(&arguments).await.expect_code(0);
        assert!(!run.json["id"].is_null(), "no id: {run:?}");
        text(&run.json["id"])
    }

    pub(crate) async fn update(&self, entity: &str, id: &str, fields: &[&str]) -> Run {
        let arguments = [&["update", entity, id], fields].concat();
        self.run(&arguments).await.expect_code(0)
    }

    pub(crate) async fn delete(&self, entity: &str, id: &str) -> Run {
        self.run(&["delete", entity, id]).await.expect_code(0)
    }

    /// A record's fields, or `None` when the device does not have it.
    pub(crate) async fn get(&self, entity: &str, id: &str) -> Option<Value> {
        let run = self.run(&["get", entity, id]).await;
        match run.code {
            0 => Some(run.json["fields"].clone()),
            _ => None,
        }
    }

    /// The ids of all records of an entity that the device has, sorted.
    pub(crate) async fn ids(&self, entity: &str) -> Vec<String> {
        let run = self.run(&["list", entity]).await.expect_code(0);
        let mut ids: Vec<_> = rows(&run, "records")
            .iter()
            .map(|record| text(&record["id"]))
            .collect();
        ids.sort();
        ids
    }

    /// Operations that are not final.
    pub(crate) async fn outbox(&self) -> Vec<Value> {
        let run = self.run(&["outbox"]).await.expect_code(0);
        rows(&run, "operations").to_vec()
    }

    /// The sync log's entries.
    pub(crate) async fn log(&self) -> Vec<Value> {
        let run = self.run(&["log"]).await.expect_code(0);
        rows(&run, "entries").to_vec()
    }

    /// The sync log's entries that wait for a person.
    pub(crate) async fn waiting(&self) -> Vec<Value> {
        let log = self.log().await;
        let open = |entry: &Value| entry["needs_person"] == true && entry["settled"].is_null();
        log.into_iter().filter(open).collect()
    }

    /// Settles a log entry.
    pub(crate) async fn resolve(&self, entry: &Value, choice: &[&str]) -> Run {
        let id = text(&entry["id"]);
        self.run(&[&["resolve", &id], choice].concat())
            .await
            .expect_code(0)
    }
}

impl Ended {
    /// The answer, if the command got as far as telling all of it.
    pub(crate) fn answer(&self) -> Option<Value> {
        serde_json::from_str(&self.stdout).ok()
    }

    /// Whether the kill came before the end. A command that fails by itself always tells why.
    pub(crate) fn was_killed(&self) -> bool {
        self.code.is_none() || (cfg!(windows) && self.code == Some(1) && self.answer().is_none())
    }

    /// A command that was not killed.
    fn whole(self) -> Run {
        let json = serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!(
                "`{}` printed no JSON document: {error}\n{}\n{}",
                self.line, self.stdout, self.stderr
            )
        });
        Run {
            line: self.line,
            code: self.code.unwrap_or(-1),
            json,
            stderr: self.stderr,
        }
    }
}

/// An id as the command line takes it, whether JSON has it as text or as a number.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn rows<'a>(run: &'a Run, name: &str) -> &'a [Value] {
    run.json[name]
        .as_array()
        .unwrap_or_else(|| panic!("no `{name}` in the answer: {run:?}"))
}

impl Run {
    /// Fails with everything the command said unless it ended with this code.
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "`{}` ended with {}\n{}\n{}",
            self.line, self.code, self.json, self.stderr
        );
        self
    }
}
