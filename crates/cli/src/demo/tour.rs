//! The tour: download, lose the network, work, come back, agree.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use driftless_engine::{Clock, NoProgress, SyncReport};
use driftless_record::Schema;

use super::crm::Cast;
use super::device::{Device, Person};
use super::plain::{self, Everything};
use super::proof;
use super::report::{Report, Timing, log_line, of_device};
use super::server::Embedded;
use super::story::{seller, technician};
use super::teller::Teller;
use crate::context::host;
use crate::error::CliError;
use crate::output::text::count;
use crate::progress::Shown;

const SELLER: Person = Person {
    user: "dave",
    name: "Dave Palmer",
    role: "field seller",
};
const TECHNICIAN: Person = Person {
    user: "bob",
    name: "Bob Hughes",
    role: "technician",
};

/// How long passes between the work of the two. Each device's clock is compared with the server's, which tells whole
/// seconds: this far apart, it is certain whose edit was later.
const A_LITTLE_LATER: Duration = Duration::from_millis(2500);

/// After how many rounds of synchronizations everything must be quiet.
const MOST_ROUNDS: usize = 6;

/// The tour under way.
struct Tour {
    teller: Teller,
    clock: Arc<dyn Clock>,
    timings: Vec<Timing>,
}

/// Takes the whole tour in a temporary folder.
pub(super) async fn take(records: usize, teller: Teller) -> Result<(Report, Arc<Schema>), CliError> {
    let folder = tempfile::tempdir().map_err(|error| CliError::file(&std::env::temp_dir(), &error))?;
    let mut tour = Tour {
        teller,
        clock: host().clock,
        timings: Vec::new(),
    };
    let mut server = tour.open_server(folder.path(), records).await?;
    let mut devices = tour.download(&server, folder.path()).await?;
    let before = plain::read_everything(server.url()).await?;
    tour.lose_the_server(&mut server, &devices).await?;
    tour.work(&mut devices).await?;
    tour.come_back(&mut server, &mut devices).await?;
    tour.tell_logs(&devices)?;
    let report = tour.prove(&server, &devices, &before).await?;
    server.down().await?;
    let schema = match devices.first() {
        Some(device) => device.engine.schema()?,
        None => Arc::default(),
    };
    Ok((report, schema))
}

impl Tour {
    /// Keeps how long something took since `begin`.
    fn took(&mut self, what: impl Into<String>, begin: i64) {
        let millis = self.clock.monotonic().saturating_sub(begin);
        self.timings.push(Timing {
            what: what.into(),
            millis,
        });
    }

    async fn open_server(&mut self, folder: &Path, records: usize) -> Result<Embedded, CliError> {
        self.teller.chapter("1. A server");
        let begin = self.clock.monotonic();
        let server = Embedded::start(&folder.join("server"), records).await?;
        self.took("make the server's data", begin);
        self.teller.say(&format!(
            "with {records} records of accounts, contacts, deals, cases, activities …"
        ));
        Ok(server)
    }

    /// Signs two people in on two devices, which download everything.
    async fn download(&mut self, server: &Embedded, folder: &Path) -> Result<Vec<Device>, CliError> {
        self.teller.chapter("2. Two people sign in and download");
        let mut devices = Vec::new();
        for person in [SELLER, TECHNICIAN] {
            let begin = self.clock.monotonic();
            let device = Device::sign_in(person, server.url(), &folder.join(person.user)).await?;
            let shown = Arc::new(Shown::new());
            let report = device.sync(Arc::clone(&shown) as _).await;
            shown.finish();
            let report = report?;
            check(&report)?;
            self.took(format!("first synchronization of {}", person.name), begin);
            self.teller.say(&format!(
                "{}, {}: {} on the device",
                person.name,
                person.role,
                count(report.received(), "record")
            ));
            devices.push(device);
        }
        Ok(devices)
    }

    /// Stops the server, and shows that the devices notice and go on.
    async fn lose_the_server(&self, server: &mut Embedded, devices: &[Device]) -> Result<(), CliError> {
        self.teller.chapter("3. The server is gone");
        server.down().await?;
        for device in devices {
            let report = device.sync(Arc::new(NoProgress)).await?;
            if report.interrupted.is_none() {
                return Err(CliError::failed(
                    "demo",
                    "a device reached a server that is not there",
                ));
            }
            self.teller.say(&format!(
                "{}'s device finds nobody there; everything can still be read and written",
                device.person.name
            ));
        }
        Ok(())
    }

    async fn work(&mut self, devices: &mut [Device]) -> Result<(), CliError> {
        let [seller_device, technician_device] = devices else {
            return Err(CliError::failed("demo", "the story is about two devices"));
        };
        let cast = Cast::find(&seller_device.engine)?;
        let begin = self.clock.monotonic();
        self.teller
            .chapter(&format!("4. {} works at a customer's site", SELLER.name));
        seller(seller_device, &cast, self.teller)?;
        tokio::time::sleep(A_LITTLE_LATER).await;
        self.teller.chapter(&format!(
            "5. {} works in a basement, a little later",
            TECHNICIAN.name
        ));
        technician(technician_device, &cast, self.teller)?;
        self.took("offline work, pause included", begin);
        for device in devices {
            let pending = device.engine.status()?.pending;
            self.teller.say(&format!(
                "in the outbox of {}: {}",
                device.person.name,
                count(pending, "operation")
            ));
        }
        Ok(())
    }

    /// Brings the server back and synchronizes until nothing happens any more: the later edits come first.
    async fn come_back(&mut self, server: &mut Embedded, devices: &mut [Device]) -> Result<(), CliError> {
        self.teller.chapter("6. The server is back");
        server.up().await?;
        if let Some(device) = devices.last() {
            device.wire.lose_next_answer();
            self.teller.say(&format!(
                "the answer to the first request of {}'s device will get lost on the way",
                device.person.name
            ));
        }
        let begin = self.clock.monotonic();
        for round in 1..=MOST_ROUNDS {
            let mut is_quiet = true;
            for device in devices.iter_mut().rev() {
                let report = device.sync(Arc::new(NoProgress)).await?;
                check(&report)?;
                let is_still = report.applied + report.decided + report.refused == 0
                    && report.received() + report.removed() == 0;
                if !is_still {
                    self.teller.say(&told(device.person, &report));
                }
                is_quiet &= is_still;
                device.reports.push(report);
            }
            if is_quiet {
                self.took("synchronize until quiet", begin);
                self.tell_lost(devices)?;
                self.teller
                    .say(&format!("quiet after {}", count(round as u64, "round")));
                return Ok(());
            }
        }
        Err(CliError::failed(
            "demo",
            format!("the devices are not quiet after {MOST_ROUNDS} rounds"),
        ))
    }

    /// Tells how many changes were in the request whose answer got lost.
    fn tell_lost(&self, devices: &[Device]) -> Result<(), CliError> {
        let lost: usize = devices.iter().map(|device| device.wire.seen().lost).sum();
        if lost == 0 {
            return Err(CliError::failed(
                "demo",
                "no answer got lost, though one should have",
            ));
        }
        self.teller.say(&format!(
            "the lost answer was about {}, which the server had already: they were asked for again, not done again",
            count(lost as u64, "change")
        ));
        Ok(())
    }

    fn tell_logs(&self, devices: &[Device]) -> Result<(), CliError> {
        self.teller.chapter("7. The sync logs");
        for device in devices {
            let log = device.log()?;
            self.teller.say(&format!("{}:", device.person.name));
            if log.is_empty() {
                self.teller.say("  nothing that a person should know");
            }
            for entry in &log {
                self.teller.say(&format!("  {}", log_line(entry)));
            }
        }
        Ok(())
    }

    /// Reads the server by a way of its own and compares everything with everything.
    async fn prove(
        &mut self,
        server: &Embedded,
        devices: &[Device],
        before: &Everything,
    ) -> Result<Report, CliError> {
        let begin = self.clock.monotonic();
        let after = plain::read_everything(server.url()).await?;
        let mut reports = Vec::new();
        for device in devices {
            let mut report = of_device(device)?;
            report.agreement = proof::compare(&device.engine, &after, &report.unsettled)?;
            reports.push(report);
        }
        let effects = proof::check(devices, before, &after)?;
        self.took("proof", begin);
        Ok(Report {
            records: after.values().map(BTreeMap::len).sum(),
            devices: reports,
            effects,
            timings: std::mem::take(&mut self.timings),
        })
    }
}

/// Fails on a synchronization that did not come to its end.
fn check(report: &SyncReport) -> Result<(), CliError> {
    if let Some(error) = &report.interrupted {
        return Err(error.clone().into());
    }
    let problem = report
        .entities
        .iter()
        .find_map(|(name, of)| Some((name, of.problem.as_ref()?)));
    match problem {
        Some((name, why)) => Err(CliError::failed("demo", format!("{name} cannot be read: {why}"))),
        None => Ok(()),
    }
}

fn told(person: Person, report: &SyncReport) -> String {
    format!(
        "{}: {} sent ({} merged), {} settled without a request, {} received, {} removed",
        person.name,
        report.applied,
        report.merged,
        report.decided,
        report.received(),
        report.removed()
    )
}
