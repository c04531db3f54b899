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
            &["create", "Product", "name=x", "weight=NaN"],
            expect![
                "1 invalid | Product was not saved: `weight` must be a finite number such as 0.5 | nothing was saved; correct the fields and try again"
            ],
        ),
        (
            &["list", "Account", "--filter", "city = 'Lyon'"],
            expect![
                "2 usage | --filter cannot be read from character 6 on: `= 'Lyon'` | OData says `eq` for equal: city eq 'Lyon'"
            ],
        ),
        (
            &["list", "Account", "--filter", "name like 'No%'"],
            expect![
                "2 usage | --filter cannot be read from character 6 on: `like 'No%'` | OData says contains(name,'north'), startswith(name,'N') or endswith(name,'Ltd') for parts of a text"
            ],
        ),
        (
            &["list", "Account", "--orderby", "name:desc"],
            expect![
                "2 usage | --orderby cannot be read from character 5 on: `:desc` | fields separated by commas, each with asc or desc after it: --orderby 'created_at desc,name'"
            ],
        ),
        (
            &["list", "Account", "--filter", "city eq Lyon"],
            expect![
                "1 query | Account has no field Lyon | `driftless list Account --top 1 --json` shows the fields of a record; text stands in single quotes: 'Lyon'"
            ],
        ),
        (
            &["sync", "--deadline", "soon"],
            expect![
                "2 usage | invalid value 'soon' for '--deadline <SECONDS>': expected a number of seconds such as 30 or 0.5, a year at most | `driftless --help` lists the commands"
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

#[test]
fn a_deadline_may_be_less_than_a_second() {
    let server = Server::start();
    let device = Device::downloaded(&server, "alice");
    let report = device.json(&["sync", "--deadline", "0.5"], 0);
    assert_eq!(report["pending"], 0, "{report}");
    device.json(
        &["wait", "0199c0de-0000-7000-8000-000000000001", "--timeout", "0.5"],
        1,
    );
}

#[test]
fn a_server_without_tls_and_a_page_in_between_are_told_as_what_they_are() {
    let server = Server::start();
    let device = Device::new();
    let bare = server
        .url
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    let told_bare = told(&device, &["login", &bare, "--demo"]);
    assert!(told_bare.contains(&format!("http://{bare}")), "{told_bare}");

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let portal = format!("http://{}", listener.local_addr().unwrap());
    std::thread::scope(|scope| {
        let serving = scope.spawn(move || {
            use std::io::{Read as _, Write as _};
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let page = "<html><body>Welcome to the hotel</body></html>";
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                page.len()
            );
            let _ = stream.write_all(format!("{head}{page}").as_bytes());
        });
        let told = told(&device, &["login", &portal, "--demo"]);
        serving.join().unwrap();
        assert!(
            told.starts_with("4 not-ours") && told.contains("open any page in a browser"),
            "{told}"
        );
    });
    assert_eq!(device.json(&["accounts"], 0)["accounts"], serde_json::json!([]));
}

#[test]
fn a_profile_with_an_unknown_name_is_refused_with_the_one_that_was_meant() {
    let server = Server::start();
    let device = Device::new();
    let profile = device.home.path().join("profile.json");
    let profile = profile.to_str().unwrap();
    for (text, said) in [
        (
            r#"{"conflct": "ask"}"#,
            "settings have no `conflct` (did you mean `conflict`?)",
        ),
        (
            r#"{"conflict_by_entity": {"Product": {"field": {}}}}"#,
            "settings have no `field` (did you mean `fields`?)",
        ),
        (
            r#"{"mode": "hybird"}"#,
            "expected one of `online`, `hybrid`, `offline`",
        ),
    ] {
        std::fs::write(profile, text).unwrap();
        let told = told(&device, &["login", &server.url, "--demo", "--profile", profile]);
        assert!(told.starts_with("1 profile") && told.contains(said), "{told}");
    }
    assert_eq!(device.json(&["accounts"], 0)["accounts"], serde_json::json!([]));
}
