//! Bad input of every kind: a code, a sentence and a next step, and nothing changed.

use expect_test::expect;
use serde_json::Value;

use crate::device::{Device, Server};

/// Runs a command that must fail, and writes how it is told.
fn told(device: &Device, arguments: &[&str]) -> String {
    let run = device.run(&[arguments, &["--json"]].concat());
    let document: Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    let error = &document["error"];
    let part = |name: &str| error[name].as_str().unwrap_or("-").to_owned();
    format!(
        "{} {} | {} | {}",
        run.code,
        part("code"),
        part("message"),
        part("hint")
    )
}

#[test]
fn before_anyone_signed_in_every_command_says_so() {
    let device = Device::new();
    for arguments in [
        &["list", "Account"][..],
        &["get", "Account", "1"],
        &["create", "Account", "name=x"],
        &["outbox"],
        &["log"],
        &["status"],
        &["ready"],
        &["mode"],
        &["sync"],
        &["download"],
    ] {
        let told = told(&device, arguments);
        assert_eq!(
            told,
            "1 no-account | nobody has signed in on this device yet | sign in first: driftless login URL --user U",
            "{arguments:?}"
        );
    }
}

#[test]
fn an_address_that_cannot_be_used_is_told_before_anything_is_sent() {
    let device = Device::new();
    for (arguments, want) in [
        (
            &["login", "http://crm.example.com", "--user", "x"][..],
            expect![
                "1 address | plain http:// would send your password readable over the network: use https://; http:// works only for a server on this machine | -"
            ],
        ),
        (
            &["login", "http://127.0.0.1:1", "--user", "x", "--password-stdin"],
            expect![
                "4 unreachable | 127.0.0.1:1 cannot be reached: Connection refused (os error 111) | is the address right, and is there a network?"
            ],
        ),
        (
            &["login", "http://127.0.0.1:1", "--user", "x"],
            expect![
                "2 usage | a password is needed, and there is no terminal to ask on | give it with --password-stdin or the variable DRIFTLESS_PASSWORD"
            ],
        ),
        (
            &["login", "crm.example.com"],
            expect![
                "2 usage | the following required arguments were not provided: --user <USER> | `driftless --help` lists the commands"
            ],
        ),
        (
            &["frobnicate"],
            expect!["2 usage | unrecognized subcommand 'frobnicate' | `driftless --help` lists the commands"],
        ),
    ] {
        want.assert_eq(&told(&device, arguments));
    }
}

#[test]
fn what_does_not_fit_the_schema_is_told_with_a_suggestion_and_changes_nothing() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    for (arguments, want) in [
        (
            &["list", "Accont"][..],
            expect![
                "1 unknown-entity | no entity `Accont` (did you mean `Account`?) | try `Account`, or `driftless status` for everything that is here"
            ],
        ),
        (
            &["create", "Account", "nmae=x"],
            expect![
                "1 invalid | Account was not saved: no field `nmae` (did you mean `name`?) | nothing was saved; correct the fields and try again"
            ],
        ),
        (
            &["create", "Account"],
            expect![
                "1 invalid | Account was not saved: `name` is required | nothing was saved; add name=… and try again"
            ],
        ),
        (
            &["create", "Account", "name=x", "employees=many"],
            expect![
                "1 invalid | Account was not saved: `employees` must be a whole number such as 12 | nothing was saved; correct the fields and try again"
            ],
        ),
        (
            &["create", "Account", "name"],
            expect![
                "2 usage | `name` is not of the form name=value | for example: name='Northern Lights Ltd' city=Oslo; quote values that hold spaces"
            ],
        ),
        (
            &["get", "Account", "7"],
            expect![
                "1 invalid-id | not an id of Account: expected a guid | `driftless list ENTITY` shows the ids of the records here"
            ],
        ),
        (
            &["get", "Account", "00000000-0000-4000-8000-000000000000"],
            expect![
                "1 no-record | no Account with id 00000000-0000-4000-8000-000000000000 on this device | `driftless why Account 00000000-0000-4000-8000-000000000000` says why it is not here"
            ],
        ),
        (
            &["list", "Account", "--filter", "nmae eq 'x'"],
            expect![
                "1 query | Account has no field nmae: did you mean name? | `driftless list Account --top 1 --json` shows the fields of a record"
            ],
        ),
        (
            &["resolve", "9", "--mine"],
            expect!["1 no-log-entry | no entry 9 in the log | `driftless log` lists the entries"],
        ),
        (
            &["undo", "0199c0de-0000-7000-8000-000000000001"],
            expect![
                "1 no-operation | no operation 0199c0de-0000-7000-8000-000000000001 in the outbox | `driftless outbox` lists what waits to be sent"
            ],
        ),
        (
            &["list", "Account", "--account", "nobody"],
            expect![
                "1 no-account | there is no account `nobody` here | `driftless accounts` lists them; `driftless login URL --user U` adds one"
            ],
        ),
    ] {
        want.assert_eq(&told(&device, arguments));
    }
    assert_eq!(device.json(&["outbox"], 0)["operations"], serde_json::json!([]));
}

#[test]
fn a_wrong_password_is_told_and_keeps_the_account_as_it_was() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    let arguments = [
        "login",
        &server.url,
        "--user",
        "alice",
        "--password-stdin",
        "--json",
    ];
    let run = device.with_input(&arguments, "wrong\n");
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("\"sign-in\""), "{run:?}");
    device.json(&["sync"], 0);
    let again = device.with_input(&arguments, "driftless\n");
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(
        device.json(&["accounts"], 0)["accounts"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
