//! The reference server on the command line: what it tells, and what it refuses.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use crate::device::binary;

fn serve(data: &std::path::Path) -> Command {
    let mut command = binary();
    command.args(["serve", "--seed-data", "300", "--listen", "127.0.0.1:0", "--data"]);
    command.arg(data).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts a server, runs something while it is up, ends it, and returns what it told on standard error.
fn told(data: &std::path::Path, meanwhile: impl FnOnce()) -> String {
    let mut process = serve(data).spawn().unwrap();
    let mut address = String::new();
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    stdout.read_line(&mut address).unwrap();
    meanwhile();
    let mut stderr = process.stderr.take().unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    let mut text = String::new();
    stderr.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_server_tells_who_can_sign_in_and_what_it_did_not_use_and_keeps_its_directory_to_itself() {
    let data = tempfile::tempdir().unwrap();
    let first = told(data.path(), || {
        let second = serve(data.path()).arg("--json").output().unwrap();
        assert_eq!(second.status.code(), Some(1), "{second:?}");
        let error = String::from_utf8(second.stdout).unwrap();
        assert!(error.contains("another server is running"), "{error}");
    });
    assert!(
        first.contains("alice") && first.contains("with the password driftless"),
        "{first}"
    );
    assert!(first.contains("demo: without a password"), "{first}");
    assert!(!first.contains("stays as it is"), "{first}");
    let again = told(data.path(), || {});
    assert!(
        again.contains("stays as it is") && again.contains("alice"),
        "{again}"
    );
}

/// Whoever starts a new server on a port that is taken has made a database all the same: its first password is known
/// nowhere else.
#[test]
fn the_first_password_is_told_though_the_port_is_taken() {
    let data = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = binary();
    command.args([
        "serve",
        "--listen",
        &taken.local_addr().unwrap().to_string(),
        "--data",
    ]);
    let output = command.arg(data.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("sign in as admin: with the password"), "{told}");
}
