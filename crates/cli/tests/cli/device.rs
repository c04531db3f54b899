//! A device and a server as real processes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// The password of everyone in the built-in data set.
const PASSWORD: &str = "driftless";

/// Starts the binary with nothing of the tester's own settings.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_driftless"));
    command
        .env_remove("DRIFTLESS_HOME")
        .env_remove("DRIFTLESS_PASSWORD")
        .env("NO_PROXY", "127.0.0.1,localhost");
    command
}

/// A reference server that ends with the test.
pub(crate) struct Server {
    process: Child,
    data: tempfile::TempDir,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let (process, url) = serve(&data, "127.0.0.1:0");
        Self { process, data, url }
    }

    /// Ends it, as a crash would.
    pub(crate) fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again where it was.
    pub(crate) fn again(&mut self) {
        let listen = self
            .url
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        let (process, url) = serve(&self.data, &listen);
        assert_eq!(url, self.url);
        self.process = process;
    }

    /// Lets the administrator put a document on the server.
    pub(crate) fn put(&self, path: &str, document: &Value) {
        let authority = self.url.trim_start_matches("http://").trim_end_matches('/');
        let body = document.to_string();
        // The password of the users of a server that begins with data, which is no secret.
        let request = format!(
            "PUT /driftless/{path} HTTP/1.1\r\nhost: {authority}\r\nauthorization: Basic YWRtaW46ZHJpZnRsZXNz\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(authority).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with("HTTP/1.1 200"), "{path}: {reply}");
    }
}

fn serve(data: &tempfile::TempDir, listen: &str) -> (Child, String) {
    let mut process = binary()
        .args(["serve", "--seed-data", "1000", "--listen", listen, "--data"])
        .arg(data.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    (process, line.trim().to_owned())
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A home, driven by the command line.
pub(crate) struct Device {
    pub(crate) home: tempfile::TempDir,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Device {
    pub(crate) fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// A device that is signed in and has downloaded everything.
    pub(crate) fn downloaded(server: &Server, user: &str) -> Self {
        let device = Self::new();
        let run = device.with_input(
            &["login", &server.url, "--user", user, "--password-stdin"],
            &format!("{PASSWORD}\n"),
        );
        assert_eq!(run.code, 0, "{run:?}");
        device.json(&["download"], 0);
        device
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.with_input(arguments, "")
    }

    pub(crate) fn with_input(&self, arguments: &[&str], input: &str) -> Run {
        let mut process = binary()
            .arg("--home")
            .arg(self.home.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input closes the pipe, which is no failure.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
        let output = process.wait_with_output().unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a command with `--json` and returns its document; the exit code must be this one.
    pub(crate) fn json(&self, arguments: &[&str], code: i32) -> Value {
        let run = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(run.code, code, "{arguments:?}: {run:?}");
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {run:?}"))
    }
}
