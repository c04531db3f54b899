//! Whatever a disk does at whichever call: a home keeps its device id and its accounts, and an account that is closed to
//! be removed is gone or there with all that was saved in it.
//!
//! The databases lie on the disk that fails; folders and other files are real, and nothing happens to them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::print_stdout,
    reason = "how many faults were tried is part of the result"
)]

mod common;

use std::fs::{self, File};
use std::path::Path;

use common::{dump, mix, rounds, seed};
use driftless_fault_vfs::{Disk, Drive, Fault, Image, Kind};
use driftless_record::{DeviceId, OperationState};
use driftless_store::{JournalReader as _, RecordStore as _};
use driftless_store_sqlite::SqliteStore;
use driftless_store_sqlite::home::{Account, Home, HomeError, Identity, Unsent};
use driftless_testkit::store::sample::{account, batch, operation, put_account, put_operation, schema_batch};
use rusqlite::Connection;

/// The operations in a store before its account is removed.
const PENDING: u64 = 3;

fn drive(name: &str, fault: Fault) -> Drive {
    let seed = mix(seed(), &format!("{name} {fault:?}"));
    Drive {
        seed,
        powersafe: seed & 2 == 0,
        lies: false,
    }
}

fn of(user: &str) -> Identity {
    Identity {
        service: "https://crm.example/odata".to_owned(),
        organisation: String::new(),
        user: user.to_owned(),
    }
}

/// Calls `trial` with every kind of fault at the first call, at the second, and so on until none is left.
fn at_every_call(name: &str, trial: impl Fn(Fault) -> bool) {
    for round in 0..rounds() {
        for kind in Kind::ALL {
            let last = (1..)
                .find(|call| !trial(Fault { kind, call: *call }))
                .unwrap_or_default();
            println!("{name}, round {round}: {} places for {kind:?} tried", last - 1);
            assert!(last > 1, "{name}: no place for {kind:?}");
        }
    }
}

/// Ends the fault, mostly with a loss of power; returns whether it came.
fn end(disk: &Disk, fault: Fault, seed: u64) -> bool {
    let (_, fired) = disk.disarm();
    if fault.kind == Kind::Killed || seed & 24 == 0 {
        disk.kill();
    } else {
        disk.cut_power();
    }
    fired
}

/// Opens a home, whose list of accounts is sound.
fn open(path: &Path, told: &str) -> Home {
    let home = Home::open(path).unwrap_or_else(|error| panic!("{told}: {error}"));
    let list = Connection::open(path.join("device.db")).unwrap();
    assert!(dump(&list).unwrap().ends_with("integrity: ok\n"), "{told}");
    home
}

/// Works in a home until something fails; returns the device id and the users of the accounts that were acknowledged.
fn work(path: &Path) -> (Option<DeviceId>, Vec<&'static str>) {
    let mut added = Vec::new();
    let Ok(home) = Home::open(path) else {
        return (None, added);
    };
    for user in ["alice", "bob"] {
        match home.add(&of(user)) {
            Ok(account) => {
                added.push(user);
                // Which one is current is a choice that may be lost when it was not acknowledged.
                let _ = home.set_current(account.id());
            }
            Err(_) => break,
        }
    }
    (Some(home.device()), added)
}

#[test]
fn a_home_keeps_its_device_id_and_the_accounts_that_it_acknowledged() {
    at_every_call("home", |fault| {
        let directory = tempfile::tempdir().unwrap();
        let drive = drive("home", fault);
        // A home looks at the file itself too, to tell whether it is a copy.
        File::create(directory.path().join("device.db")).unwrap();
        let disk = Disk::over(directory.path(), drive, &Image::new());
        disk.arm(fault);
        let (device, added) = work(directory.path());
        let fired = end(&disk, fault, drive.seed);
        let home = open(directory.path(), &format!("{fault:?}"));
        if let Some(device) = device {
            assert_eq!(home.device(), device, "{fault:?}");
        }
        let accounts = home.accounts().unwrap();
        for user in &added {
            let found = accounts.iter().filter(|account| account.identity() == &of(user));
            assert_eq!(found.count(), 1, "{fault:?}: {user}");
        }
        // What was not acknowledged can be done again, and is not there twice then.
        for user in ["alice", "bob"] {
            home.add(&of(user))
                .unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        }
        assert_eq!(home.accounts().unwrap().len(), 2, "{fault:?}");
        fired
    });
}

/// A home with one account whose store has operations, and a disk under one of the two.
struct Scene {
    directory: tempfile::TempDir,
    account: Account,
    store: Image,
    device: Image,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::open(directory.path()).unwrap();
        let of_alice = home.add(&of("alice")).unwrap();
        let store = of_alice.store(None).unwrap();
        store.commit(schema_batch()).unwrap();
        for n in 1..=PENDING {
            let queued = operation(n, &account(n.into()), OperationState::Queued);
            store
                .commit(batch([put_account(n.into(), "edited"), put_operation(queued)]))
                .unwrap();
        }
        drop((store, home));
        let read =
            |path: &Path, name: &str| Image::from([(name.to_owned(), fs::read(path.join(name)).unwrap())]);
        Self {
            store: read(of_alice.path(), "store.db"),
            device: read(directory.path(), "device.db"),
            account: of_alice,
            directory,
        }
    }

    /// Returns where the store of the account is, and what is there.
    fn stores(&self) -> (&Path, &Image) {
        (self.account.path(), &self.store)
    }

    /// Returns where the list of accounts is, and what is there.
    fn lists(&self) -> (&Path, &Image) {
        (self.directory.path(), &self.device)
    }

    /// Returns the number of operations in the store of the account, which is open for edits.
    fn pending(&self) -> u64 {
        let store: SqliteStore = self.account.store(None).unwrap();
        let pending = store.pending().unwrap();
        let queued = operation(900, &account(90), OperationState::Queued);
        store.commit(batch([put_operation(queued)])).unwrap();
        pending
    }

    /// Removes the account, and says whether that was acknowledged. The same home then shows it as long as it is
    /// there, if its list can be read at all.
    fn remove(&self, unsent: Unsent, told: &str) -> Result<(), HomeError> {
        let home = Home::open(self.directory.path())?;
        let removed = home.remove(self.account.id(), unsent, None).map(drop);
        if let Ok(shown) = home.accounts() {
            assert_eq!(
                !shown.is_empty(),
                self.account.path().exists(),
                "{told}: {removed:?}"
            );
        }
        removed
    }

    /// Looks whether the account is gone as a whole or there as a whole, and the first if that was acknowledged.
    fn judge(&self, removed: &Result<(), HomeError>, told: &str) {
        let home = open(self.directory.path(), told);
        let listed = !home.accounts().unwrap().is_empty();
        assert_eq!(listed, self.account.path().exists(), "{told}: {removed:?}");
        match removed {
            Ok(()) => assert!(!listed, "{told}"),
            Err(_) if listed => assert_eq!(self.pending(), PENDING, "{told}: {removed:?}"),
            Err(_) => {}
        }
    }
}

/// Removes an account on a disk that fails at every call, under the folder that a scene gives with its files; calls
/// `judge` with what was answered.
fn removals(
    name: &str,
    unsent: Unsent,
    place: fn(&Scene) -> (&Path, &Image),
    judge: impl Fn(&Scene, &Result<(), HomeError>, &str),
) {
    at_every_call(name, |fault| {
        let scene = Scene::new();
        let drive = drive(name, fault);
        let (folder, files) = place(&scene);
        let disk = Disk::over(folder, drive, files);
        disk.arm(fault);
        let told = format!("{fault:?}");
        let removed = scene.remove(unsent, &told);
        let fired = end(&disk, fault, drive.seed);
        judge(&scene, &removed, &told);
        fired
    });
}

#[test]
fn an_account_is_removed_or_there_with_its_edits_whatever_happens_to_its_store() {
    removals("store", Unsent::Discard, Scene::stores, Scene::judge);
}

#[test]
fn an_account_with_unsent_edits_stays_unless_its_user_gives_them_up() {
    removals("unsent", Unsent::Refuse, Scene::stores, |scene, removed, told| {
        assert!(removed.is_err(), "{told}");
        assert_eq!(scene.pending(), PENDING, "{told}");
    });
}

#[test]
fn an_account_is_removed_or_there_with_its_edits_whatever_happens_to_the_list_of_accounts() {
    removals("list", Unsent::Discard, Scene::lists, Scene::judge);
}
